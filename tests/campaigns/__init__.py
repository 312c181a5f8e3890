"""The whole program against real servers: what is stored, whatever happens meanwhile, is what the oracle says."""
