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
)

// Doer sends HTTP requests; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// tail is how much of a zip's end is asked for at first, in bytes. It holds the
// directory of several hundred files.
const tail = 64 << 10

// Executables returns the sorted names of the files at the root of the zip at
// location that everybody may execute: never nil without an error. It reads the
// directory at the zip's end, and the whole zip only from a server without
// ranges. The location may be a secret, as a presigned URL is, and is in no
// error.
func Executables(ctx context.Context, client Doer, location string) ([]string, error) {
	if location == "" {
		return nil, errors.New("AWS has not said where the zip is")
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

// remote is a file on a server, of which the end is here.
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
			return fmt.Errorf("the server gives a part of the zip as %q", response.Header.Get("Content-Range"))
		}
	}
	return nil
}

// ReadAt reads from the end that is here, once that reaches far enough.
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
			return 0, errors.New("the server gives another part of the zip than it was asked for")
		}
		r.end, here = append(before, r.end...), off
	}
	return bytes.NewReader(r.end).ReadAt(p, off-here)
}

// get asks for a part of the file, three times if the network or the server
// fails.
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
		return nil, errors.New("AWS has said in no form of a URL where the zip is")
	}
	request.Header.Set("Range", part)
	response, err := r.client.Do(request)
	if cause, ok := errors.AsType[*url.Error](err); ok {
		err = cause.Err // without the location
	}
	return response, err
}

// checked turns a response that brings nothing into an error.
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

// read returns what is left of a zip, which is no larger than Lambda takes by
// way of S3.
func read(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxUnzipped+1))
	if err == nil && len(data) > MaxUnzipped {
		err = fmt.Errorf("the zip has more than %d MB", MaxUnzipped>>20)
	}
	return data, err
}
