"""How an objective is minimized: whole or in tiles, by Adam or L-BFGS, coarse to fine, with checkpoints."""
