"""
How a version comes to serve on Azure Container Instances.

    settings      how and where, from the environment
    images        one image for one set of inputs, built by builds, in Azure Container Registry
    groups        groups of containers: made, marked, stopped; specs says what one shall be
    pairs         the two groups of an endpoint, and which of them is live
    proof         what a version shows before, and while, it gets traffic
    traffic       who gets how much of it, by front_door where there is one
    foreseen      what plan tells of all this
    health        what doctor looks at
"""
