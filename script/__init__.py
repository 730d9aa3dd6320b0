"""The commands of this project and the checks that script/lint runs."""
