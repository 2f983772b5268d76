"""The tiny world: synthetic contexts, stories, annotators, a teacher and a tokenizer (docs/method.md).

It exists so that a machine without a GPU and without a model hub can run every stage for real, and because
here the truth is known: ``annotators.utility`` can judge any story. Nothing else depends on its words.
"""
