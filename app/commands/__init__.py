"""The sub-commands of `answerable`, one file each; heavy imports happen inside the functions."""
