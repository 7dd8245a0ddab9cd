"""How numbers are computed: the framework, Winograd convolution, and numerical precision."""
