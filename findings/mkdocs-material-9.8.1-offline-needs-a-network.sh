#!/usr/bin/env bash
# mkdocs-material 9.8.1: pages that its offline plugin builds "to be viewed directly from the local file system" load a script
# from unpkg.com, and without a network the search field does not show: the plugin appends the address to extra.polyfills.
# An entry of one's own there with "iframe-worker" in its name stands in for it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install mkdocs-material==9.8.1 mkdocs==1.6.1
export NO_MKDOCS_2_WARNING=1
mkdir "$folder/docs"
echo "# Home" > "$folder/docs/index.md"
printf 'site_name: site\nplugins: [search, offline]\ntheme: {name: material, font: false}\n' > "$folder/mkdocs.yml"
"$folder/venv/bin/mkdocs" build -q -f "$folder/mkdocs.yml" -d "$folder/site"
"$folder/venv/bin/pip" list 2> /dev/null | grep -i '^mkdocs-material '
echo "addresses of scripts in index.html:"
grep -o '<script src="[^"]*"' "$folder/site/index.html"
grep -q '<script src="https://unpkg.com/iframe-worker/shim"' "$folder/site/index.html"
