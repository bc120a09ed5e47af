"""Tests of the tools and of the client they reach services with."""
