"""One file per revision, named by its place and its purpose."""
