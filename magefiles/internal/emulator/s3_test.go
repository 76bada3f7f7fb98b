package emulator_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/upload"
)

// newS3 returns a server with the bucket artifacts, and a client of its S3.
func newS3(t *testing.T, options emulator.Options) (*bench, *s3.Client) {
	t.Helper()
	options.Buckets = []string{"artifacts"}
	b := newBench(t, options)
	config := b.Config()
	config.RetryMaxAttempts = 1
	return b, s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
}

// put stores an object in the bucket artifacts.
func put(t *testing.T, client *s3.Client, key string, content []byte) {
	t.Helper()
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("artifacts"), Key: &key, Body: bytes.NewReader(content)}); err != nil {
		t.Fatal(err)
	}
}

// object returns an object in the bucket artifacts, or a range of it.
func object(t *testing.T, client *s3.Client, key, part string) (string, *s3.GetObjectOutput) {
	t.Helper()
	in := &s3.GetObjectInput{Bucket: aws.String("artifacts"), Key: &key, ChecksumMode: s3types.ChecksumModeEnabled}
	if part != "" {
		in.Range = &part
	}
	out, err := client.GetObject(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content), out
}

func TestS3Objects(t *testing.T) {
	t.Parallel()
	b, client := newS3(t, emulator.Options{})
	const key = "a b/ü+%2F.zip"
	put(t, client, key, []byte("first"))
	put(t, client, key, []byte("0123456789"))

	head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("artifacts"), Key: aws.String(key)})
	if err != nil || *head.ContentLength != 10 || *head.ETag != `"781e5e245d69b566979b86e28d23f2c7"` {
		t.Errorf("head is %+v, %v", head, err)
	}
	for part, want := range map[string]string{"": "0123456789", "bytes=2-4": "234", "bytes=8-": "89", "bytes=-1": "9"} {
		if got, _ := object(t, client, key, part); got != want {
			t.Errorf("range %q is %q, want %q", part, got, want)
		}
	}
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("artifacts"), Key: aws.String(key), Range: aws.String("bytes=10-")})
	wantError(t, err, 416, "InvalidRange", "The requested range is not satisfiable")

	for range 2 {
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("artifacts"), Key: aws.String(key)}); err != nil {
			t.Error(err)
		}
	}
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("artifacts"), Key: aws.String(key)})
	wantError(t, err, 404, "NoSuchKey", "The specified key does not exist.")
	_, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("artifacts"), Key: aws.String(key)})
	wantError(t, err, 404, "NotFound", "")
	if got := b.Calls(); got["PutObject"] != 2 || got["GetObject"] != 6 || got["HeadObject"] != 2 || got["DeleteObject"] != 2 {
		t.Errorf("calls are %v", got)
	}
}

func TestS3Buckets(t *testing.T) {
	t.Parallel()
	_, client := newS3(t, emulator.Options{Region: "eu-west-1"})
	create := func(name, region string) error {
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(region),
		}})
		return err
	}
	_, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("other")})
	wantError(t, err, 404, "NotFound", "")
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("other"), Key: aws.String("k"), Body: strings.NewReader("x")})
	wantError(t, err, 404, "NoSuchBucket", "The specified bucket does not exist")
	wantError(t, create("other", "eu-west-2"), 400, "IllegalLocationConstraintException", "The eu-west-2 location constraint is incompatible for the region specific endpoint this request was sent to.")
	wantError(t, create("No", "eu-west-1"), 400, "InvalidBucketName", "The specified bucket is not valid.")
	if err := create("other", "eu-west-1"); err != nil {
		t.Fatal(err)
	}
	wantError(t, create("other", "eu-west-1"), 409, "BucketAlreadyOwnedByYou", "")
	head, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("other")})
	if err != nil || *head.BucketRegion != "eu-west-1" {
		t.Errorf("head is %+v, %v", head, err)
	}
	if _, err := emulator.Start(emulator.Options{Buckets: []string{"Upper"}}); err == nil || !strings.Contains(err.Error(), `creating bucket "Upper"`) {
		t.Errorf("starting with an invalid bucket: %v", err)
	}
}

// Each checksum of the SDK is verified, returned, and checked by the SDK again.
func TestS3Checksums(t *testing.T) {
	t.Parallel()
	_, client := newS3(t, emulator.Options{})
	for _, algorithm := range []s3types.ChecksumAlgorithm{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
		in := &s3.PutObjectInput{Bucket: aws.String("artifacts"), Key: aws.String("k"), Body: strings.NewReader("content"), ChecksumAlgorithm: algorithm}
		if _, err := client.PutObject(t.Context(), in); err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		_, out := object(t, client, "k", "")
		sums := aws.ToString(out.ChecksumCRC32) + aws.ToString(out.ChecksumCRC32C) + aws.ToString(out.ChecksumCRC64NVME) + aws.ToString(out.ChecksumSHA1) + aws.ToString(out.ChecksumSHA256)
		if sums == "" {
			t.Errorf("%s: GetObject has no checksum", algorithm)
		}
	}
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("artifacts"), Key: aws.String("k"), Body: strings.NewReader("other"), ChecksumSHA256: aws.String("AAAA")})
	wantError(t, err, 400, "BadDigest", "The SHA256 you specified did not match the calculated checksum.")
	if got, _ := object(t, client, "k", ""); got != "content" {
		t.Errorf("a refused body replaced the object: %q", got)
	}
}

// trailing is a request with a body in chunks and a checksum after it.
func trailing(body string) signed {
	return signed{service: "s3", method: "PUT", path: "/artifacts/k", body: body, header: map[string]string{
		"X-Amz-Content-Sha256":         "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
		"X-Amz-Decoded-Content-Length": "11",
		"X-Amz-Trailer":                "x-amz-checksum-crc32",
		"Content-Encoding":             "aws-chunked",
	}}
}

func TestS3TrailingChecksums(t *testing.T) {
	t.Parallel()
	b, client := newS3(t, emulator.Options{})
	const chunks = "6\r\nHello \r\n5\r\nworld\r\n0\r\n"
	for _, test := range []struct{ name, body, code string }{
		{"valid", chunks + "x-amz-checksum-crc32:i9aeUg==\r\n\r\n", ""},
		{"wrong checksum", chunks + "x-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest"},
		{"no trailer", chunks + "\r\n", "MalformedTrailerError"},
		{"another trailer", chunks + "x-amz-checksum-sha1:i9aeUg==\r\n\r\n", "MalformedTrailerError"},
		{"unended trailer", chunks + "x-amz-checksum-crc32:i9aeUg==", "MalformedTrailerError"},
		{"no end", "6\r\nHello \r\n", "IncompleteBody"},
		{"short chunk", "6\r\nHe", "IncompleteBody"},
		{"another length", "5\r\nworld\r\n0\r\nx-amz-checksum-crc32:OncRQw==\r\n\r\n", "IncompleteBody"},
		{"no chunks", "Hello\r\nworld", "InvalidRequest"},
	} {
		response := trailing(test.body).do(t, b)
		body := bodyOf(t, response)
		switch {
		case test.code == "" && (response.StatusCode != 200 || response.Header.Get("X-Amz-Checksum-Crc32") != "i9aeUg=="),
			test.code != "" && (response.StatusCode != 400 || !strings.Contains(body, "<Code>"+test.code+"</Code>")):
			t.Errorf("%s: got %s %s, want %s", test.name, response.Status, body, test.code)
		}
	}
	if got, _ := object(t, client, "k", ""); got != "Hello world" {
		t.Errorf("the object is %q", got)
	}
}

// Over TLS the SDK sends checksums in trailers.
func TestS3UploadOverTLS(t *testing.T) {
	t.Parallel()
	s, handler, err := emulator.NewOffline(emulator.Options{Buckets: []string{"artifacts"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	trailers := make(chan string, 100)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trailers <- r.Header.Get("X-Amz-Trailer")
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	config := s.Config()
	config.BaseEndpoint, config.HTTPClient = &server.URL, server.Client()
	for _, p := range []*lambda.Package{zipPackage(t, 1), zipPackage(t, 9<<20)} {
		key, err := upload.New(config, "artifacts").Put(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		client := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
		want, err := os.ReadFile(p.Path)
		if got, _ := object(t, client, key, ""); err != nil || got != string(want) {
			t.Errorf("the object has %d bytes, want %d; %v", len(got), len(want), err)
		}
	}
	close(trailers)
	n := 0
	for name := range trailers {
		if name == "x-amz-checksum-crc32" {
			n++
		}
	}
	if n != 3 { // one object and two parts
		t.Errorf("%d requests had a checksum in a trailer, want 3", n)
	}
}

func TestS3Refusals(t *testing.T) {
	t.Parallel()
	b, _ := newS3(t, emulator.Options{})
	digest := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	request := func(edit func(*signed)) signed {
		r := signed{service: "s3", method: "PUT", path: "/artifacts/k", body: "x", header: map[string]string{"X-Amz-Content-Sha256": digest("x")}}
		edit(&r)
		return r
	}
	header := func(name, value string) signed { return request(func(r *signed) { r.header[name] = value }) }
	for _, test := range []struct {
		name    string
		request signed
		status  int
		code    string
	}{
		{"valid", request(func(*signed) {}), 200, ""},
		{"unsigned", request(func(r *signed) { r.tamper = func(r *http.Request) { r.Header.Del("Authorization") } }), 403, ""},
		{"another secret", request(func(r *signed) { r.secret = "x" }), 403, "SignatureDoesNotMatch"},
		{"another region", request(func(r *signed) { r.region = "eu-west-1" }), 403, "SignatureDoesNotMatch"},
		{"another key", request(func(r *signed) {
			r.tamper = func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "=AKIA", "=AKIB", 1))
			}
		}), 403, "InvalidAccessKeyId"},
		{"another body", header("X-Amz-Content-Sha256", digest("y")), 400, "XAmzContentSHA256Mismatch"},
		{"no digest", request(func(r *signed) { delete(r.header, "X-Amz-Content-Sha256") }), 400, "InvalidRequest"},
		{"signed chunks", header("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), 501, "NotImplemented"},
		{"another MD5", header("Content-Md5", "AAAA"), 400, "BadDigest"},
		{"two checksums", request(func(r *signed) {
			r.header["X-Amz-Checksum-Crc32"], r.header["X-Amz-Checksum-Sha1"] = "AAAA", "AAAA"
		}), 400, "InvalidRequest"},
		{"unknown header", header("X-Amz-Acl", "public-read"), 501, "NotImplemented"},
		{"conditional", header("If-None-Match", "*"), 501, "NotImplemented"},
		{"long key", request(func(r *signed) { r.path = "/artifacts/" + strings.Repeat("k", 1025) }), 400, "KeyTooLongError"},
		{"list", request(func(r *signed) { r.method, r.path = "GET", "/artifacts?list-type=2" }), 501, "NotImplemented"},
		{"version", request(func(r *signed) { r.method, r.path = "GET", "/artifacts/k?versionId=1" }), 501, "NotImplemented"},
	} {
		response := test.request.do(t, b)
		body := bodyOf(t, response)
		if response.StatusCode != test.status || test.code != "" && !strings.Contains(body, "<Code>"+test.code+"</Code>") {
			t.Errorf("%s: got %s %s, want %d %s", test.name, response.Status, body, test.status, test.code)
		}
	}
}

// zipPackage returns a package on disk whose zip holds a handler and so many
// bytes more, which do not compress.
func zipPackage(t *testing.T, bytes int) *lambda.Package {
	t.Helper()
	data := make([]byte, bytes)
	rand.NewChaCha8([32]byte{}).Read(data)
	zip := makeZip(t, launcher("bootstrap", built.norpc), file{"data", 0o644, data})
	p := &lambda.Package{Path: filepath.Join(t.TempDir(), "lambda.zip"), Size: int64(len(zip)), CodeSha256: lambda.CodeSha256(sha256.Sum256(zip))}
	if err := os.WriteFile(p.Path, zip, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// dualboot's upload and the update from its object, in one request and in parts.
func TestS3Upload(t *testing.T) {
	t.Parallel()
	b, _ := newS3(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
	for _, p := range []*lambda.Package{zipPackage(t, 1), zipPackage(t, 17<<20)} {
		bucket := upload.New(b.Config(), "artifacts")
		for range 2 {
			key, err := bucket.Put(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			out, err := b.client.UpdateFunctionCode(t.Context(), &awslambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), S3Bucket: aws.String("artifacts"), S3Key: &key})
			if err != nil {
				t.Fatal(err)
			}
			if *out.CodeSha256 != p.CodeSha256 || out.CodeSize != p.Size {
				t.Errorf("the code is %s with %d bytes, want %s with %d", *out.CodeSha256, out.CodeSize, p.CodeSha256, p.Size)
			}
		}
		b.invoke("f", event{})
	}
	got := b.Calls()
	if got["HeadObject"] != 4 || got["PutObject"] != 1 || got["CreateMultipartUpload"] != 1 || got["UploadPart"] != 3 || got["CompleteMultipartUpload"] != 1 {
		t.Errorf("calls are %v", got)
	}
	if _, err := upload.New(b.Config(), "missing").Put(t.Context(), zipPackage(t, 2)); err == nil || !strings.Contains(err.Error(), "create the bucket in us-east-1") {
		t.Errorf("the error is %v", err)
	}
}

func TestS3CreateFunction(t *testing.T) {
	t.Parallel()
	b, client := newS3(t, emulator.Options{})
	zip := dualZip(t)
	put(t, client, "f.zip", zip)
	in := function("f", types.RuntimeGo1x, nil)
	in.Code = &types.FunctionCode{S3Bucket: aws.String("artifacts"), S3Key: aws.String("f.zip")}
	b.create(in)
	b.invoke("f", event{})
	if status, body := b.download(b.location("f")); status != 200 || !bytes.Equal(body, zip) {
		t.Errorf("the download answers %d with %d bytes", status, len(body))
	}
	in.FunctionName, in.Code.S3Key = aws.String("g"), aws.String("g.zip")
	_, err := b.client.CreateFunction(t.Context(), in)
	wantError(t, err, 400, "InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.")
	in.Code.S3Bucket = aws.String("missing")
	_, err = b.client.CreateFunction(t.Context(), in)
	wantError(t, err, 400, "InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist")
}

func TestS3Layer(t *testing.T) {
	t.Parallel()
	b, client := newS3(t, emulator.Options{})
	zip := makeZip(t, bridge)
	put(t, client, "layer.zip", zip)
	published, err := b.client.PublishLayerVersion(t.Context(), &awslambda.PublishLayerVersionInput{
		LayerName:          aws.String("bridge"),
		Content:            &types.LayerVersionContentInput{S3Bucket: aws.String("artifacts"), S3Key: aws.String("layer.zip"), S3ObjectStorageMode: types.S3ObjectStorageModeReference},
		CompatibleRuntimes: []types.Runtime{types.RuntimeProvidedal2023},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.client.GetLayerVersionByArn(t.Context(), &awslambda.GetLayerVersionByArnInput{Arn: published.LayerVersionArn})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Content
	if c.CodeSize != int64(len(zip)) || *c.CodeSha256 != *published.Content.CodeSha256 || c.ResolvedS3Object == nil || *c.ResolvedS3Object.S3Key != "layer.zip" || got.Version != 1 {
		t.Errorf("the layer version is %+v with %+v", got, c)
	}
	if status, body := b.download(*c.Location); status != 200 || !bytes.Equal(body, zip) {
		t.Errorf("the download answers %d with %d bytes", status, len(body))
	}
	b.deleteLayer("bridge", 1)
	if status, _ := b.download(*c.Location); status != 404 {
		t.Errorf("after the version is deleted, the download answers %d", status)
	}
}

// A reference lasts until an update without the mode, and a version keeps it.
func TestS3Reference(t *testing.T) {
	t.Parallel()
	b, client := newS3(t, emulator.Options{})
	put(t, client, "f.zip", smallZip(t))
	in := function("f", types.RuntimeProvidedal2023, nil)
	in.Code = &types.FunctionCode{S3Bucket: aws.String("artifacts"), S3Key: aws.String("f.zip"), S3ObjectStorageMode: types.S3ObjectStorageModeReference}
	in.Publish = true
	b.create(in)
	resolved := func(qualifier string) string {
		t.Helper()
		out, err := b.client.GetFunction(t.Context(), &awslambda.GetFunctionInput{FunctionName: aws.String("f"), Qualifier: &qualifier})
		if err != nil {
			t.Fatal(err)
		}
		o := out.Code.ResolvedS3Object
		if o == nil {
			return ""
		}
		return *o.S3Bucket + "/" + *o.S3Key + "@" + *o.S3ObjectVersion
	}
	const want = "artifacts/f.zip@null"
	if got := resolved("$LATEST"); got != want {
		t.Errorf("after the creation it is %q", got)
	}
	b.configure(text("x"))
	if got := resolved("$LATEST"); got != want {
		t.Errorf("after an update of the configuration it is %q", got)
	}
	update := func(mode types.S3ObjectStorageMode) {
		t.Helper()
		if _, err := b.client.UpdateFunctionCode(t.Context(), &awslambda.UpdateFunctionCodeInput{
			FunctionName: aws.String("f"), S3Bucket: aws.String("artifacts"), S3Key: aws.String("f.zip"), S3ObjectStorageMode: mode,
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []types.S3ObjectStorageMode{"", types.S3ObjectStorageModeCopy} {
		update(mode)
		if got := resolved("$LATEST"); got != "" {
			t.Errorf("after an update with mode %q it is %q", mode, got)
		}
		update(types.S3ObjectStorageModeReference)
		if got := resolved("$LATEST"); got != want {
			t.Errorf("after an update with REFERENCE it is %q", got)
		}
	}
	b.updateCode("f", smallZip(t))
	if latest, version := resolved("$LATEST"), resolved("1"); latest != "" || version != want {
		t.Errorf("after an upload it is %q, and version 1's is %q", latest, version)
	}
}

// A zip in the request is limited, and one in S3 is not.
func TestS3HasNoZippedLimit(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20 // a zip of 50 MB takes long under the race detector
	if got := (emulator.Options{}).MaxZipped(); got != 52_428_800 {
		t.Errorf("the limit is %d bytes", got)
	}
	b, client := newS3(t, emulator.Options{}.WithMaxZipped(limit))
	empty := makeZip(t, file{"lambda", 0o755, nil}, file{"data", 0o644, nil})
	zip := makeZip(t, file{"lambda", 0o755, nil}, file{"data", 0o644, make([]byte, limit-len(empty))})
	if len(zip) != limit {
		t.Fatalf("the zip has %d bytes", len(zip))
	}
	put(t, client, "f.zip", zip)
	in := function("f", types.RuntimeProvidedal2023, nil)
	in.Code = &types.FunctionCode{S3Bucket: aws.String("artifacts"), S3Key: aws.String("f.zip")}
	b.create(in)
	_, err := b.client.UpdateFunctionCode(t.Context(), &awslambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: zip})
	wantError(t, err, 413, "RequestEntityTooLargeException", "Zipped size must be smaller than 1048576 bytes")
}

// The AWS CLI creates a bucket, and copies a file in one request and in parts.
func TestS3CLI(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Region: "eu-west-1"})
	dir := t.TempDir()
	run, cli := awsCLI(b, dir)
	cli("s3api", "create-bucket", "--bucket", "artifacts", "--create-bucket-configuration", "LocationConstraint=eu-west-1")
	for _, size := range []int{1, 17 << 20} {
		p := zipPackage(t, size)
		for _, paths := range [][]string{{p.Path, "s3://artifacts/f.zip"}, {"s3://artifacts/f.zip", "copy.zip"}} {
			if out, err := run(append([]string{"s3", "cp", "--quiet"}, paths...)...); err != nil {
				t.Fatalf("copying %v: %v\n%s", paths, err, out)
			}
		}
		want, err := os.ReadFile(p.Path)
		if got, readErr := os.ReadFile(filepath.Join(dir, "copy.zip")); err != nil || readErr != nil || !bytes.Equal(got, want) {
			t.Errorf("the copy has %d bytes, want %d; %v", len(got), len(want), readErr)
		}
	}
	cli("lambda", "create-function", "--function-name", "f", "--runtime", "provided.al2023", "--handler", "lambda", "--role", role, "--code", "S3Bucket=artifacts,S3Key=f.zip")
	b.invoke("f", event{})
	if out, err := run("s3", "rm", "s3://artifacts/f.zip"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if got := b.Calls(); got["Unknown"] != 0 || got["UploadPart"] != 3 {
		t.Errorf("calls are %v", got)
	}
}
