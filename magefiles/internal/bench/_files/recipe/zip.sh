# Zips the binaries of each function that is named.
set -eu
for f; do
	touch -t 202401010000 recipe/$f/lambda recipe/$f/bootstrap
	zip -j -q recipe/$f/lambda.zip recipe/$f/lambda recipe/$f/bootstrap
done
