package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// Doer sends HTTP requests; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

const (
	// tail is the number of bytes to read first from the end of a zip. They hold
	// the central directory of several hundred files.
	tail = 64 << 10

	// maxDirectory limits the bytes to read from the end of a zip. Of 100,000
	// files the central directory takes about 10 MB.
	maxDirectory = 16 << 20

	// maxZip limits the size of a zip. One whose files do not shrink is larger
	// than they are, by its headers.
	maxZip = 2 * lambda.MaxUnzipped
)

// Read returns the files of the zip at location. It reads only the central
// directory if the server supports ranges. Errors do not show the location, which
// may be a presigned URL.
//
// The zip is one that dualboot made if its comment says so and it has the
// binaries that the comment promises.
func Read(ctx context.Context, client Doer, location string) (*lambda.Contents, error) {
	if location == "" {
		return nil, errors.New("the answer of AWS has no location of the zip")
	}
	r := &remote{ctx: ctx, client: client, location: location}
	if err := r.open(); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, r.size)
	if errors.Is(err, zip.ErrFormat) {
		return nil, fmt.Errorf("%w: its central directory is missing or broken", err)
	}
	if err != nil {
		return nil, err
	}
	return contents(z), nil
}

// contents returns the files of a zip. Of files with the same name it keeps the
// last one, as unpacking does.
func contents(z *zip.Reader) *lambda.Contents {
	files := map[string]lambda.File{}
	ours := true
	var directories []string
	var headers []*zip.FileHeader
	for _, f := range z.File {
		headers = append(headers, &f.FileHeader)
		// A tool that adds a file to a zip of dualboot keeps the comment.
		ours = ours && f.ModifiedDate == modifiedDate && f.ModifiedTime == modifiedTime
		mode := f.Mode()
		name := cleanName(f)
		if mode.IsDir() {
			directories = append(directories, name)
			continue
		}
		executable := mode.IsRegular() && mode&0o001 != 0 || mode&fs.ModeSymlink != 0
		files[name] = lambda.File{Name: name, Executable: executable}
	}
	parents := map[string]bool{".": true}
	for name := range files {
		for dir := path.Dir(name); !parents[dir]; dir = path.Dir(dir) {
			parents[dir] = true
		}
	}
	for _, dir := range directories {
		if !parents[dir] {
			files[dir+"/"] = lambda.File{Name: dir + "/"}
		}
	}
	c := &lambda.Contents{Files: make([]lambda.File, 0, len(files))}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		c.Files = append(c.Files, files[name])
	}
	legacy, digest, made := parseComment(z.Comment)
	digest, zones := strings.CutSuffix(digest, zoned)
	if digest != "" {
		ours = digest == directoryDigest(headers)
	}
	if made && ours && c.Executable(lambda.Bootstrap) && (legacy == "" || c.Executable(legacy)) {
		c.Made, c.Legacy, c.Zones = true, legacy, zones
	}
	return c
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
	var body ending
	if _, err := io.Copy(&body, io.LimitReader(response.Body, maxZip+1)); err != nil {
		return err
	}
	r.end, r.size = body.last(), body.size
	if response.StatusCode == http.StatusPartialContent {
		first, last, size, err := span(response)
		if err != nil {
			return err
		}
		if last != size-1 || last-first+1 != body.size {
			return fmt.Errorf("the server answers with %s of the range %q", text.Count(body.size, "byte"), response.Header.Get("Content-Range"))
		}
		r.size = size
	}
	if r.size > maxZip {
		return fmt.Errorf("the zip is larger than %s", text.Size(maxZip))
	}
	return nil
}

// ending keeps the end of what is written to it.
type ending struct {
	data []byte
	size int64 // of all that was written
}

func (e *ending) Write(p []byte) (int, error) {
	e.data = append(e.data, p...)
	e.size += int64(len(p))
	if len(e.data) > 2*maxDirectory {
		e.data = e.data[:copy(e.data, e.last())]
	}
	return len(p), nil
}

// last returns the last bytes, at most maxDirectory.
func (e *ending) last() []byte { return e.data[max(0, len(e.data)-maxDirectory):] }

// ReadAt reads from the end of the file, and fetches what is missing before it.
func (r *remote) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || r.size-off > maxDirectory {
		return 0, fmt.Errorf("the central directory of the zip is broken, or larger than %s", text.Size(maxDirectory))
	}
	here := r.size - int64(len(r.end))
	if off < here {
		before, err := r.fetch(off, here-1)
		if err != nil {
			return 0, err
		}
		r.end, here = append(before, r.end...), off
	}
	return bytes.NewReader(r.end).ReadAt(p, off-here)
}

// fetch returns a range of the file.
func (r *remote) fetch(first, last int64) ([]byte, error) {
	response, err := r.get(fmt.Sprintf("bytes=%d-%d", first, last))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, last-first+2))
	if err != nil {
		return nil, err
	}
	a, b, size, err := span(response)
	if err != nil || a != first || b != last || size != r.size || int64(len(data)) != last-first+1 {
		return nil, errors.New("the server answers with a different range of the zip")
	}
	return data, nil
}

// span returns the range of the file in a response, and the size of the file.
func span(response *http.Response) (first, last, size int64, err error) {
	header := response.Header.Get("Content-Range")
	if _, err := fmt.Sscanf(header, "bytes %d-%d/%d", &first, &last, &size); err != nil || first < 0 || last < first || size <= last {
		return 0, 0, 0, fmt.Errorf("the server answers with the range %q", header)
	}
	return first, last, size, nil
}

// get requests a range of the file, or all of it, up to three times if the network
// or the server fails.
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
	if part != "" {
		request.Header.Set("Range", part)
	}
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
