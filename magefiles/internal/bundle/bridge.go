package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"

	"example.com/dualboot/magefiles/internal/lambda"
)

// Layer is the zip of a layer.
type Layer struct {
	Name       string
	CodeSha256 string
	Zip        []byte
}

// script is the bootstrap of the bridge. It starts the file that the handler names, as
// go1.x does, and leads it to the time zone database beside the script, which Lambda
// unpacks to /opt. Source of the variables:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
const script = `#!/bin/sh
export ` + lambda.ZonesVariable + `="${` + lambda.ZonesVariable + `:-${0%/*}/` + lambda.ZonesFile + `}"
exec "$LAMBDA_TASK_ROOT/$_HANDLER"
`

// Bridge returns the layer by which provided.al2023 starts a program of go1.x, with the
// time zone database at that path. Its name depends on the content, and the content on
// the database alone.
func Bridge(zones string) (Layer, error) {
	database, err := os.ReadFile(zones)
	if err != nil {
		return Layer{}, fmt.Errorf("making the layer %s: %w", lambda.BridgeLayer, err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, file := range []struct {
		Entry
		content []byte
	}{
		{Entry{Name: lambda.Bootstrap, Mode: 0o755}, []byte(script)},
		{Entry{Name: lambda.ZonesFile, Mode: 0o644}, database},
	} {
		size := int64(len(file.content))
		c := compressed{data: file.content, crc: crc32.ChecksumIEEE(file.content), size: size, deflated: size}
		h := file.header(c)
		h.Method = zip.Store // the bytes do not depend on a compressor
		if err := add(w, h, c); err != nil {
			return Layer{}, err
		}
	}
	if err := w.Close(); err != nil {
		return Layer{}, err
	}
	sum := sha256.Sum256(out.Bytes())
	return Layer{lambda.BridgeLayer + "-" + hex.EncodeToString(sum[:6]), lambda.CodeSha256(sum), out.Bytes()}, nil
}
