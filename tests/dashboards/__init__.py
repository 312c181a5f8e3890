"""What dashboards and alert rules must keep: readers of the files, and the rules."""
