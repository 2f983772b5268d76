from hypothesis import settings

# The first call into torch or pandas, or a busy machine, is slower than any deadline worth having.
settings.register_profile("rlcs", deadline=None)
settings.load_profile("rlcs")
