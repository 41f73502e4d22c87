"""Collections of documents, and answers from them."""
