from setuptools import setup

setup(cffi_modules=["zcprobe/native/build.py:ffibuilder"])
