"""Pictures of the dashboards without Grafana: their files and real answers, drawn by a small renderer, to be looked at.

What it draws is close to Grafana's, and is not Grafana's: units, names, colours, legends and the layout are those of
the files; fonts, ticks and paging are its own.
"""
