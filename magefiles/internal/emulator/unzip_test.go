package emulator_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// rawZip writes an entry as it is given: what its header says need not be true.
func rawZip(t testing.TB, header *zip.FileHeader, content []byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	entry, err := w.CreateRaw(header)
	if err == nil {
		_, err = entry.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// zeros is the deflated form of n zeros.
func zeros(t testing.TB, n int64) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w, err := flate.NewWriter(&buffer, flate.BestSpeed)
	if err == nil {
		_, err = io.CopyN(w, zeroReader{}, n)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

const (
	couldNotUnzip = "Could not unzip uploaded file. Please check your file, then try to upload again."
	tooLarge      = "Unzipped size must be smaller than 262144000 bytes"
)

// hostileZips are zips that must be refused, with the end of the message.
func hostileZips(t testing.TB) map[string]struct {
	zip     []byte
	message string
} {
	plain := func(name string, mode fs.FileMode) []byte { return makeZip(t, file{name, mode, []byte("x")}) }
	deflated := func(declared uint64, content []byte) []byte {
		return rawZip(t, &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, CompressedSize64: uint64(len(content)), UncompressedSize64: declared}, content)
	}
	many := make([]file, 20001)
	for i := range many {
		many[i] = file{fmt.Sprint(i), 0o644, nil}
	}
	badSum := rawZip(t, &zip.FileHeader{Name: "a", CRC32: 1, CompressedSize64: 1, UncompressedSize64: 1}, []byte("x"))
	encrypted := rawZip(t, &zip.FileHeader{Name: "a", Flags: 1, CRC32: crc32.ChecksumIEEE([]byte("x")), CompressedSize64: 1, UncompressedSize64: 1}, []byte("x"))
	method := rawZip(t, &zip.FileHeader{Name: "a", Method: 12, CompressedSize64: 1, UncompressedSize64: 1}, []byte("x"))
	fullDirectory := bytes.ReplaceAll(plain("a|", 0o644), []byte("a|"), []byte("a/"))
	type hostile = struct {
		zip     []byte
		message string
	}
	return map[string]hostile{
		"no zip":               {[]byte("MZ"), couldNotUnzip},
		"cut off":              {smallZip(t)[:40], couldNotUnzip},
		"no entries":           {makeZip(t), "Uploaded file must be a non-empty zip"},
		"absolute":             {plain("/etc/x", 0o644), `entry "/etc/x" is not a plain relative path.`},
		"parent":               {plain("../x", 0o644), `entry "../x" is not a plain relative path.`},
		"hidden parent":        {plain("a/../../x", 0o644), `entry "a/../../x" is not a plain relative path.`},
		"dot":                  {plain("./x", 0o644), `entry "./x" is not a plain relative path.`},
		"only a dot":           {makeZip(t, file{"./", 0o755 | fs.ModeDir, nil}), `entry "./" is not a plain relative path.`},
		"only a slash":         {makeZip(t, file{"/", 0o755 | fs.ModeDir, nil}), `entry "/" is not a plain relative path.`},
		"no name":              {plain("", 0o644), `entry "" is not a plain relative path.`},
		"double slash":         {plain("a//x", 0o644), `entry "a//x" is not a plain relative path.`},
		"backslash":            {plain(`..\x`, 0o644), `entry "..\\x" is not a plain relative path.`},
		"inner backslash":      {plain(`a\b`, 0o644), `entry "a\\b" is not a plain relative path.`},
		"drive":                {plain("C:x", 0o644), `entry "C:x" is not a plain relative path.`},
		"zero byte":            {plain("a\x00b", 0o644), `entry "a\x00b" is not a plain relative path.`},
		"no UTF-8":             {plain("a\xff", 0o644), `entry "a\xff" is not a plain relative path.`},
		"long name":            {plain(strings.Repeat("x", 1025), 0o644), "… is longer than 1024 bytes."},
		"symbolic link":        {makeZip(t, file{"bootstrap", 0o777 | fs.ModeSymlink, []byte("/bin/sh")}), `entry "bootstrap" is not a regular file.`},
		"pipe":                 {plain("bootstrap", 0o644|fs.ModeNamedPipe), `entry "bootstrap" is not a regular file.`},
		"device":               {plain("bootstrap", 0o644|fs.ModeDevice), `entry "bootstrap" is not a regular file.`},
		"directory unmarked":   {makeZip(t, file{"bootstrap", 0o755 | fs.ModeDir, nil}), `entry "bootstrap" is not a regular file.`},
		"directory with bytes": {fullDirectory, `directory "a/" has content.`},
		"twice":                {makeZip(t, file{"a", 0o644, nil}, file{"a", 0o644, nil}), `entry "a" is there twice.`},
		"file and directory":   {makeZip(t, file{"a", 0o644, nil}, file{"a/", 0o755 | fs.ModeDir, nil}), `entry "a/" is there twice.`},
		"file in a file":       {makeZip(t, file{"a/b/c", 0o644, nil}, file{"a", 0o644, nil}), `entry "a/b/c" is in "a", which is a file.`},
		"many entries":         {makeZip(t, many...), "there are 20001 entries, and the emulator takes 20000."},
		"encrypted":            {encrypted, `entry "a" is encrypted.`},
		"unknown method":       {method, couldNotUnzip},
		"wrong checksum":       {badSum, couldNotUnzip},
		"large":                {deflated(262144001, zeros(t, 10)), tooLarge},
		"not yet too large":    {deflated(262144000, zeros(t, 10)), couldNotUnzip}, // it only says that it has so many bytes
		"bomb":                 {deflated(10, zeros(t, 1_000_000)), couldNotUnzip},
		"vast by its header":   {deflated(1<<63, zeros(t, 10)), tooLarge},
		"sum that wraps":       {deflated(1<<64-1, zeros(t, 10)), tooLarge},
	}
}

func TestHostileZips(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
	before := b.get("f")
	for name, hostile := range hostileZips(t) {
		t.Run(name, func(t *testing.T) {
			_, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: hostile.zip})
			wantError(t, err, 400, "InvalidParameterValueException", "")
			if !strings.HasSuffix(err.Error(), hostile.message) {
				t.Errorf("error is %v, want …%s", err, hostile.message)
			}
		})
	}
	if diff := cmp.Diff(before, b.get("f"), ignored); diff != "" {
		t.Errorf("refused zips changed the function (-before +after):\n%s", diff)
	}
}

// A zip made on Windows has no modes, and so nothing in it can be started.
func TestZipWithoutModes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	entry, err := w.Create("bootstrap")
	if err == nil {
		_, err = entry.Write(launcher("", built.norpc).content)
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	b.create(function("f", types.RuntimeProvidedal2023, buffer.Bytes()))
	if got := b.fail("f", event{}); got.ErrorMessage != "RequestId: ID Error: fork/exec /var/task/bootstrap: permission denied" {
		t.Errorf("got %+v", got)
	}
}
