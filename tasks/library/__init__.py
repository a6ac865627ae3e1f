"""What `import assayline` offers: functions of the stages on plain arrays and frames.

`public/assayline.py` is the module that users import; the build gives it that name. The modules
called `..._functions` hand to the stages' code what `plain_tables` and `plain_arrays` make of a
frame or an array, and return plain results.
"""
