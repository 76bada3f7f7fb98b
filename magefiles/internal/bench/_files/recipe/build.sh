# Builds the binaries of each function that is named.
set -eu
for f; do
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 "$GO" build -ldflags="-s -w -buildid=" -trimpath -o recipe/$f/lambda functions/$f/main.go
	CGO_ENABLED=0 GOOS=linux GOARCH=amd64 "$GO" build -ldflags="-s -w -buildid=" -trimpath -tags lambda.norpc -o recipe/$f/bootstrap functions/$f/main.go
done
