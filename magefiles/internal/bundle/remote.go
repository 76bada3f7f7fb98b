package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// Doer sends HTTP requests; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// tail is the number of bytes to read first from the end of a zip. They hold the
// central directory of several hundred files.
const tail = 64 << 10

// Executables returns the sorted names of the executable files at the root of
// the zip at location. The result is not nil unless there is an error. It reads
// only the central directory if the server supports ranges. Errors do not show
// the location, which may be a presigned URL.
func Executables(ctx context.Context, client Doer, location string) ([]string, error) {
	if location == "" {
		return nil, errors.New("the answer of AWS has no location of the zip")
	}
	r := &remote{ctx: ctx, client: client, location: location}
	if err := r.open(); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, r.size)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, f := range z.File {
		if f.Mode().IsRegular() && f.Mode()&0o001 != 0 && !strings.Contains(f.Name, "/") {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// remote is a file on a server whose end has been read.
type remote struct {
	ctx      context.Context
	client   Doer
	location string
	size     int64
	end      []byte
}

// open fetches the end of the file.
func (r *remote) open() error {
	response, err := r.get(fmt.Sprintf("bytes=-%d", tail))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if r.end, err = read(response.Body); err != nil {
		return err
	}
	r.size = int64(len(r.end))
	if response.StatusCode == http.StatusPartialContent {
		_, total, _ := strings.Cut(response.Header.Get("Content-Range"), "/")
		if r.size, err = strconv.ParseInt(total, 10, 64); err != nil || r.size < int64(len(r.end)) {
			return fmt.Errorf("the server answers with the range %q", response.Header.Get("Content-Range"))
		}
	}
	return nil
}

// ReadAt reads from the end of the file, and fetches what is missing before it.
func (r *remote) ReadAt(p []byte, off int64) (int, error) {
	here := r.size - int64(len(r.end))
	if off < here {
		response, err := r.get(fmt.Sprintf("bytes=%d-%d", off, here-1))
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		before, err := read(response.Body)
		if err != nil {
			return 0, err
		}
		if int64(len(before)) != here-off {
			return 0, errors.New("the server answers with a different range of the zip")
		}
		r.end, here = append(before, r.end...), off
	}
	return bytes.NewReader(r.end).ReadAt(p, off-here)
}

// get requests a range of the file, up to three times if the network or the
// server fails.
func (r *remote) get(part string) (*http.Response, error) {
	for wait := 100 * time.Millisecond; ; wait *= 4 {
		response, err := r.try(part)
		again := err != nil || response.StatusCode >= http.StatusInternalServerError
		if !again || wait > time.Second || r.ctx.Err() != nil {
			return checked(response, err)
		}
		if err == nil {
			response.Body.Close()
		}
		select {
		case <-time.After(wait):
		case <-r.ctx.Done():
		}
	}
}

func (r *remote) try(part string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.location, nil)
	if err != nil {
		return nil, errors.New("the location of the zip is not a URL")
	}
	request.Header.Set("Range", part)
	response, err := r.client.Do(request)
	if cause, ok := errors.AsType[*url.Error](err); ok {
		err = cause.Err // without the location
	}
	return response, err
}

// checked returns an error for a response without a part of the file.
func checked(response *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent {
		response.Body.Close()
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	return response, nil
}

// read reads a body. A zip is never larger than its files may be.
func read(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, lambda.MaxUnzipped+1))
	if err == nil && len(data) > lambda.MaxUnzipped {
		err = fmt.Errorf("the zip is larger than %s", text.Bytes(lambda.MaxUnzipped))
	}
	return data, err
}
