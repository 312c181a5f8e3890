"""What strangers and mishaps may try, one file for each threat; SECURITY.md says which test holds which answer."""
