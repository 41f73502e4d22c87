"""Many requests at once.

endpoints, usecases, schemas    the small batch, answered in one response
durable/                        batches that are kept, and run here to their end
provider/                       … or by their providers, at a lower price
ports                           where both keep them
"""
