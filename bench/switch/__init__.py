"""What users of a web page notice while its version is changed."""
