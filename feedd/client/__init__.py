"""Client library: one or several endpoints as one stream in which every gap is reported."""
