"""Real OpenStack for tests: Keystone and Swift from the package registry, in a Python of their own.

requirements.in, .txt  what is installed there; `make lock` pins it
serve_keystone         a Keystone, run by that Python
serve_swift            a Swift with two proxies, run by that Python
server                 both as one `SwiftServer`, as a test asks for it
identity               what an administrator of Keystone does: users, projects, regions
"""
