package upload

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"

	"example.com/dualboot/magefiles/internal/awsclient"
)

// explain shortens an error of an upload and adds the fix. Codes:
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (b *Bucket) explain(err error) error {
	if multipart, ok := errors.AsType[transfermanager.MultipartUploadError](err); ok {
		err = errors.Unwrap(multipart) // its own text is the ID of the upload
	}
	hint := ""
	switch awsclient.Code(err) {
	case "NoSuchBucket":
		hint = fmt.Sprintf(`create the bucket in %s, or correct "bucket" in lambdas.json`, b.region)
	case "AccessDenied":
		hint = b.permission(err)
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		hint = b.elsewhere(err)
	}
	return awsclient.Explain(err, hint)
}

// permission names what the credentials lack.
func (b *Bucket) permission(err error) string {
	if strings.Contains(err.Error(), "kms:") {
		return "allow kms:GenerateDataKey and kms:Decrypt on the key that encrypts the bucket"
	}
	return fmt.Sprintf("allow s3:PutObject on arn:%s:s3:::%s/dualboot/*", partition(b.region), b.name)
}

// partition returns the partition of AWS that a region belongs to. Source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// elsewhere says where the bucket is, which S3 tells in a header.
func (b *Bucket) elsewhere(err error) string {
	where := "another region"
	if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok && answer.HTTPResponse() != nil {
		where = cmp.Or(answer.HTTPResponse().Header.Get("X-Amz-Bucket-Region"), where)
	}
	return fmt.Sprintf(`the bucket is in %s, but Lambda takes code only from one in the function's region, %s; correct "bucket" in lambdas.json`, where, b.region)
}
