package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/zips"
)

// function is a function.
type function struct {
	// reported is the configuration that the API reports. Only while an update
	// is InProgress it differs from what serves.
	reported configuration

	serving *deployment // nil while the function is Pending
	next    *deployment // of the creation or update in progress
	updates int         // accepted so far

	window []*deployment // what may serve besides serving, by turn
	turn   int           // invocations in the window since the last update
	timer  *time.Timer   // for the next change of window, nil before the first

	versions  []*publishedVersion // oldest first
	published int                 // versions so far, with the deleted ones
	aliases   map[string]*alias

	image string // URI of a container image, or ""
	tags  map[string]string
}

// find returns a function that has the version or alias of the target.
func (s *Server) find(t target) (*function, error) {
	f, ok := s.functions[t.name]
	if ok {
		_, ok = f.version(t.qualifier)
	}
	if !ok {
		return nil, functionNotFound(s.arn(t))
	}
	return f, nil
}

// lookup is find for the results of target or latestTarget.
func (s *Server) lookup(t target, err error) (*function, target, error) {
	if err != nil {
		return nil, t, err
	}
	f, err := s.find(t)
	return f, t, err
}

// createRequest is the input of CreateFunction.
type createRequest struct {
	settings
	FunctionName  *string
	PackageType   *string
	Architectures []string
	Publish       bool
	Tags          map[string]string
	Code          struct {
		ZipFile  []byte
		ImageUri *string
		s3Object
	}
}

// s3Object is a deployment package in S3, which the emulator refuses.
type s3Object struct{ S3Bucket, S3Key, S3ObjectVersion *string }

func (o s3Object) check() error {
	if o != (s3Object{}) {
		return notImplemented("code in S3")
	}
	return nil
}

// createFunction creates a function. Unlike AWS, it accepts go1.x.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
func (s *Server) createFunction(_ *call, r *createRequest) (reply, error) {
	conf, err := s.newConfiguration(r)
	if err != nil {
		return reply{}, err
	}
	f := &function{tags: r.Tags, aliases: map[string]*alias{}}
	code, err := s.createCode(r, &conf)
	if err != nil {
		return reply{}, err
	}
	if conf.PackageType == "Image" {
		f.image = *r.Code.ImageUri
	}
	f.reported, f.next = conf, &deployment{configuration: conf, code: code}
	next := f.next

	s.mu.Lock()
	if _, exists := s.functions[conf.FunctionName]; exists {
		s.mu.Unlock()
		s.packages.Release(code)
		return reply{}, conflict("Function already exist: %s", conf.FunctionName)
	}
	if r.Publish {
		// The answer has the version's number, but the function's ARN.
		conf.Version = s.publish(f, nil).reported.Version
	}
	s.functions[conf.FunctionName] = f
	s.mu.Unlock()
	s.completeLater(f, next, nil)
	return jsonReply(http.StatusCreated, conf)
}

// newConfiguration returns the configuration of a new function without its code.
func (s *Server) newConfiguration(r *createRequest) (configuration, error) {
	if err := required(r.FunctionName, "functionName"); err != nil {
		return configuration{}, err
	}
	t, err := s.parseTarget(*r.FunctionName)
	if err != nil {
		return configuration{}, err
	}
	if t.qualifier != "" {
		return configuration{}, invalidParameter("The function name of a new function must not have a version or alias: %s", *r.FunctionName)
	}
	if err := required(r.Role, "role"); err != nil {
		return configuration{}, err
	}
	if err := r.Code.check(); err != nil {
		return configuration{}, err
	}
	conf := configuration{
		FunctionName:  t.name,
		FunctionArn:   s.arn(t),
		Timeout:       3,
		MemorySize:    128,
		Version:       latest,
		PackageType:   "Zip",
		Architectures: []string{x86_64},
		state:         creating,
	}
	conf.TracingConfig.Mode = "PassThrough"
	conf.EphemeralStorage.Size = 512
	conf.SnapStart.ApplyOn, conf.SnapStart.OptimizationStatus = "None", "Off"
	conf.LoggingConfig.LogFormat, conf.LoggingConfig.LogGroup = "Text", logGroup(t.name)
	set(&conf.PackageType, r.PackageType)
	if err := checkArchitectures(r.Architectures); err != nil {
		return conf, err
	}
	if r.Architectures != nil {
		conf.Architectures = r.Architectures
	}
	if err := r.settings.apply(&conf); err != nil {
		return conf, err
	}
	conf.modified()
	return conf, conf.check()
}

// createCode adds the code of a new function to its configuration. It returns
// no package for a container image.
func (s *Server) createCode(r *createRequest, conf *configuration) (*zips.Package, error) {
	hasZip, hasImage := r.Code.ZipFile != nil, r.Code.ImageUri != nil
	switch {
	case conf.PackageType == "Image" && (!hasImage || hasZip):
		return nil, invalidParameter("Please provide ImageUri, and no ZipFile, when the intended function PackageType is Image.")
	case conf.PackageType == "Image":
		digest := sha256.Sum256([]byte(*r.Code.ImageUri)) // of the URI, as there is no image
		conf.CodeSha256 = hex.EncodeToString(digest[:])
		return nil, nil
	case conf.PackageType != "Zip":
		return nil, oneOf(conf.PackageType, "packageType", "Image", "Zip")
	case !hasZip || hasImage:
		return nil, invalidParameter("Please provide a source for function code.")
	}
	code, err := s.packages.Add(r.Code.ZipFile)
	if err == nil {
		conf.CodeSha256, conf.CodeSize = code.CodeSha256, code.Size
	}
	return code, err
}

// getFunction reports a function, or a version of it, with the location of its
// package.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
func (s *Server) getFunction(c *call) (any, error) {
	f, t, err := s.lookup(s.target(c))
	if err != nil {
		return nil, err
	}
	type code struct {
		RepositoryType   string
		Location         string `json:",omitempty"`
		ImageUri         string `json:",omitempty"`
		ResolvedImageUri string `json:",omitempty"`
	}
	conf := s.reported(f, t)
	where := code{RepositoryType: "ECR", ImageUri: f.image, ResolvedImageUri: f.image}
	if f.image == "" {
		where = code{RepositoryType: "S3", Location: s.url + downloadPath + s.downloads.issue(conf.CodeSha256)}
	}
	tags := f.tags
	if conf.Version != latest { // tags belong to the function
		tags = nil
	}
	return struct {
		Configuration configuration
		Code          code
		Tags          map[string]string `json:",omitempty"`
	}{conf, where, tags}, nil
}

// getFunctionConfiguration reports the configuration of a function or a version.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
func (s *Server) getFunctionConfiguration(c *call) (any, error) {
	f, t, err := s.lookup(s.target(c))
	if err != nil {
		return nil, err
	}
	return s.reported(f, t), nil
}

// reported returns the configuration of a function or a version under the ARN
// of the target.
func (s *Server) reported(f *function, t target) configuration {
	conf := f.reported
	if v, _ := f.version(t.qualifier); v != nil {
		conf = v.reported
	}
	conf.FunctionArn = s.arn(t)
	return conf
}

// listFunctions lists functions by name, with their versions if requested.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func (s *Server) listFunctions(c *call) (any, error) {
	query := c.URL.Query()
	if query.Has("MasterRegion") {
		return nil, notImplemented("MasterRegion")
	}
	versions := query.Get("FunctionVersion")
	if versions != "" {
		if err := oneOf(versions, "functionVersion", "ALL"); err != nil {
			return nil, err
		}
	}
	list := map[string]configuration{}
	for name, f := range s.functions {
		if versions != "" {
			s.listVersions(f, list)
		} else {
			list[name] = s.reported(f, target{name: name}).listed()
		}
	}
	return pageOf(c, "Functions", list, 50)
}

// deleteFunction deletes a function with its versions and aliases, or one
// version. Invocations in progress continue. Assumption: a function can be
// deleted while it is Pending or InProgress.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
func (s *Server) deleteFunction(c *call) (any, error) {
	t, err := s.target(c)
	if err != nil {
		return nil, err
	}
	if t.qualifier == latest {
		return nil, invalidParameter("%s version cannot be deleted without deleting the function.", latest)
	}
	f, err := s.find(target{name: t.name})
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" {
		return nil, s.deleteVersion(f, t.qualifier)
	}
	delete(s.functions, t.name)
	for _, v := range f.versions {
		s.retire(v.serving)
	}
	s.retire(f.serving)
	s.retire(f.next)
	s.endWindow(f)
	f.serving, f.next = nil, nil
	return nil, nil
}
