package emulator

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator/objects"
	"example.com/dualboot/magefiles/internal/emulator/zips"
)

// zipSource is where a request has the zip of a function: in itself or in S3.
type zipSource struct {
	ZipFile []byte
	s3Object
}

// s3Object is a deployment package in S3.
type s3Object struct {
	S3Bucket, S3Key, S3ObjectVersion *string
	S3ObjectStorageMode              *string // default COPY
}

// resolvedObject is the object that holds the code of a function whose code is
// kept by reference.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-self-managed-storage.html
type resolvedObject struct{ S3Bucket, S3Key, S3ObjectVersion string }

func (o s3Object) check() error {
	mode := o.S3ObjectStorageMode
	switch {
	case o.S3ObjectVersion != nil:
		return notImplemented("S3ObjectVersion")
	case mode != nil:
		return oneOf(*mode, "s3ObjectStorageMode", string(types.S3ObjectStorageModeCopy), string(types.S3ObjectStorageModeReference))
	}
	return nil
}

// given reports whether there is a source.
func (z zipSource) given() bool { return z.ZipFile != nil || z.s3Object != (s3Object{}) }

// resolved returns what GetFunction reports of an object, nil for a copy, which is
// the default. So an update without the mode ends a reference.
//
// Assumption: the version is "null", S3's version of objects in buckets without
// versioning. Lambda requires versioning, which the emulator does not have.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
func (o s3Object) resolved() *resolvedObject {
	if o.S3ObjectStorageMode == nil || *o.S3ObjectStorageMode != string(types.S3ObjectStorageModeReference) {
		return nil
	}
	return &resolvedObject{*o.S3Bucket, *o.S3Key, "null"}
}

// addCode adds the zip of a request to the packages. The caller must release the
// package.
func (s *Server) addCode(z zipSource) (*zips.Package, error) {
	zip, err := s.readZip(z)
	if err != nil {
		return nil, err
	}
	return s.packages.Add(zip)
}

// describe describes code in the configuration of a function.
func (z zipSource) describe(code *zips.Package, conf *configuration) {
	conf.CodeSha256, conf.CodeSize, conf.object = code.CodeSha256, code.Size, z.resolved()
}

// readZip returns the zip of a request. Only a zip in the request itself has a
// limit, whose message is recorded from AWS. Assumption: a zip in the request is
// refused with any member of S3, and with these messages.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
func (s *Server) readZip(z zipSource) ([]byte, error) {
	if z.s3Object == (s3Object{}) {
		if len(z.ZipFile) >= s.options.maxZipped {
			return nil, apiErrorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "Zipped size must be smaller than %d bytes", s.options.maxZipped)
		}
		return z.ZipFile, nil
	}
	switch {
	case z.ZipFile != nil:
		return nil, invalidParameter("Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case z.S3Bucket == nil || z.S3Key == nil:
		return nil, invalidParameter("Please provide a source for function code.")
	}
	return s.readObject(*z.S3Bucket, *z.S3Key)
}

// readObject returns an object in S3. Users report the message of the refusal.
//
// https://github.com/aws-solutions/aws-waf-security-automations/issues/135
func (s *Server) readObject(bucket, key string) ([]byte, error) {
	file, _, err := s.objects.Open(bucket, key)
	if refusal, ok := errors.AsType[*objects.Error](err); ok {
		return nil, invalidParameter("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", refusal.Code, refusal.Message)
	}
	var zip []byte
	if err == nil {
		defer file.Close()
		zip, err = io.ReadAll(file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading s3://%s/%s: %w", bucket, key, err)
	}
	return zip, nil
}
