"""Import and export: many pairs, and a bookmark for whoever is interrupted.

importing.py   what an import says before, at the end, and when it did not go well
importer.py    the import at work: chunks on their way, a bookmark behind them
reading.py     the file or the pipe, and which format it has
chunks.py      what is read, cut into what one request carries
exporting.py   export, in pages
part.py        the file while it is being written
formats.py     which formats there are, and how they are told
pairs.py       JSON Lines and JSON
rows.py        CSV
bookmark.py    how far it came, and the proof
"""
