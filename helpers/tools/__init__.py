"""The command line and what it offers beyond the recipes: galleries, films, benchmark, slides, site."""
