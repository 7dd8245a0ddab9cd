"""Reading untrusted image files, finding the bundled files, and writing files completely or not at all."""
