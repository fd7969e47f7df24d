"""From one lock, the ways to make an environment side by side: what each pins, weighs, costs and needs.

model     the values; what each route is called
pins      lock -> what a route pins, and how far
weight    lock -> bytes by who brings them, and CUDA that comes twice
trees     two builds of one route -> the files that differ, by kind
document  comparison -> JSON        text  -> a person's table        page  -> one HTML file
"""
