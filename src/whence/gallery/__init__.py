"""The gallery: one LanceDB database in one folder. Schema, codec, artefacts, writing, reading, searching."""
