"""Graph of nodes, parameter layers, robot description."""
