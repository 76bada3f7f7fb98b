// Package upload sends deployment packages that are too large for a request to
// Lambda to an S3 bucket, from which Lambda takes them.
package upload

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/semaphore"

	"example.com/dualboot/magefiles/internal/lambda"
)

// An upload takes memory for the parts that are sent at the same time.
const (
	partSize    = 8 << 20 // bytes; S3 takes 5 MB or more
	concurrency = 4
)

// abortTime is how long the abort of an upload may take after it has failed or
// was interrupted.
const abortTime = 10 * time.Second

// Bucket is an S3 bucket for deployment packages.
type Bucket struct {
	name, region string
	client       *s3.Client
	manager      *transfermanager.Client
	turn         *semaphore.Weighted // held by the upload in progress
}

// New returns the bucket of that name. It must be in the region of cfg: Lambda
// takes code from a bucket in the function's region only. New sends nothing.
func New(cfg aws.Config, bucket string) *Bucket { return newBucket(cfg, bucket, partSize) }

func newBucket(cfg aws.Config, bucket string, partSize int64) *Bucket {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = local(aws.ToString(o.BaseEndpoint)) })
	return &Bucket{
		name:   bucket,
		region: cfg.Region,
		client: client,
		manager: transfermanager.New(sender{client}, func(o *transfermanager.Options) {
			o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = partSize, partSize, concurrency
			o.FailTimeout = abortTime
		}),
		turn: semaphore.NewWeighted(1),
	}
}

// local reports whether the host of an endpoint is an IP address or localhost,
// which has no name for each bucket.
func local(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()) != nil)
}

// Put sends the zip of a package unless the bucket has it already, and returns
// the key of the object. The key is derived from the content, so other runs send
// the same bytes to it, and an object appears only when it is complete.
//
// One package is sent at a time, in parts, with a checksum for each. Put fails if
// the zip has changed since it was built. When ctx ends, it aborts the upload. A
// killed program leaves the parts that it has sent; a lifecycle rule of the bucket
// can remove them. The credentials need s3:PutObject; with s3:GetObject, Put finds
// what the bucket has, and with s3:AbortMultipartUpload it removes the parts of a
// failed upload.
func (b *Bucket) Put(ctx context.Context, p *lambda.Package) (key string, err error) {
	sum, err := base64.StdEncoding.DecodeString(p.CodeSha256)
	if err != nil {
		return "", fmt.Errorf("reading the digest of %s: %w", p.Path, err)
	}
	key = fmt.Sprintf("dualboot/%x.zip", sum)
	if err := b.ensure(ctx, key, p); err != nil {
		return "", fmt.Errorf("sending %s to s3://%s/%s: %w", p.Path, b.name, key, err)
	}
	return key, nil
}

// ensure sends a package unless the bucket has it.
func (b *Bucket) ensure(ctx context.Context, key string, p *lambda.Package) error {
	if err := b.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer b.turn.Release(1)
	if there, err := b.has(ctx, key, p); there || err != nil {
		return err
	}
	file, err := p.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = b.manager.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &b.name, Key: &key, Body: file, Metadata: map[string]string{digest: p.CodeSha256},
	})
	return b.explain(err)
}

// digest is the metadata of an object that holds the CodeSha256 of its zip.
const digest = "codesha256"

// has reports whether the bucket has an object with the package, which Put has
// sent: an object of another tool under the key is replaced. An answer other than
// success counts as no: S3 answers 403 instead of 404 without s3:ListBucket, and
// says nothing about the cause, as its answers to HeadObject have no body. Source:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
func (b *Bucket) has(ctx context.Context, key string, p *lambda.Package) (bool, error) {
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() != 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return aws.ToInt64(head.ContentLength) == p.Size && head.Metadata[digest] == p.CodeSha256, nil
}

// sender is a client whose uploads fail with their own error: the transfer
// manager would return the one of a failed abort instead.
type sender struct{ *s3.Client }

func (s sender) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, options ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	_, _ = s.Client.AbortMultipartUpload(ctx, in, options...) // the parts stay; see Put
	return &s3.AbortMultipartUploadOutput{}, nil
}
