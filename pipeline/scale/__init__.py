"""The roles of a scaled-out Chargeline: the same program, cut apart at Kafka."""
