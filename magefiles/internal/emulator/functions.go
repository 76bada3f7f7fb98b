package emulator

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/zips"
)

type function struct {
	version             // $LATEST
	next    *deployment // of the creation or update in progress
	updates int         // accepted so far

	window []*deployment // what may serve besides serving, by turn
	turn   int           // invocations in the window since the last update
	timer  *time.Timer   // for the next change of window, nil before the first

	versions  []*version // published, oldest first
	published int        // versions so far, with the deleted ones
	aliases   map[string]*alias

	image string // URI of a container image, or ""
	tags  map[string]string
}

// find returns a function that has the version or alias of the target.
func (s *Server) find(t target) (*function, error) {
	if f := s.functions[t.name]; f != nil && f.qualified(t.qualifier) != nil {
		return f, nil
	}
	return nil, functionNotFound(s.arn(t))
}

// findInvoked is find for an invocation, whose error names the version even if the
// target does not.
func (s *Server) findInvoked(t target) (*function, error) {
	f, err := s.find(t)
	if err != nil {
		err = functionNotFound(s.arn(target{t.name, cmp.Or(t.qualifier, latest)}))
	}
	return f, err
}

// lookup is find for the results of target or latestTarget.
func (s *Server) lookup(t target, err error) (*function, target, error) {
	if err != nil {
		return nil, t, err
	}
	f, err := s.find(t)
	return f, t, err
}

type createRequest struct {
	settings
	FunctionName  *string
	PackageType   *string
	Architectures []string
	Publish       bool
	Tags          map[string]string
	Code          struct {
		zipSource
		ImageUri *string
	}
}

func (s *Server) createFunction(_ *call, r *createRequest) (reply, error) {
	conf, err := s.newConfiguration(r)
	if err != nil {
		return reply{}, err
	}
	code, err := s.createCode(r, &conf)
	if err != nil {
		return reply{}, err
	}
	defer s.packages.Release(code)
	s.mu.Lock()
	f, err := s.addFunction(r, &conf, code)
	if err != nil {
		s.mu.Unlock()
		return reply{}, err
	}
	if r.Publish {
		// The answer has the version's number, but the function's ARN.
		conf.Version = s.publish(f, nil).reported.Version
	}
	next := f.next
	s.mu.Unlock()
	s.completeLater(f, next, nil)
	return jsonReply(http.StatusCreated, conf)
}

// addFunction adds a function that does not exist. It completes the configuration
// with the layers, which AWS was recorded to check first.
func (s *Server) addFunction(r *createRequest, conf *configuration, code *zips.Package) (*function, error) {
	opt, err := s.attach(r.Layers, conf)
	if err != nil {
		return nil, err
	}
	defer s.packages.Release(opt)
	if s.functions[conf.FunctionName] != nil {
		return nil, conflict("Function already exist: %s", conf.FunctionName)
	}
	if err := cmp.Or(conf.check(), s.packages.CheckSize(code, opt)); err != nil {
		return nil, err
	}
	next := s.keep(&deployment{configuration: *conf, code: code, opt: opt})
	f := &function{version: version{reported: *conf}, next: next, tags: r.Tags, aliases: map[string]*alias{}}
	set(&f.image, r.Code.ImageUri)
	s.functions[conf.FunctionName] = f
	return f, nil
}

// newConfiguration returns the configuration of a new function without its code.
func (s *Server) newConfiguration(r *createRequest) (configuration, error) {
	var t target
	err := required(r.FunctionName, "functionName")
	if err == nil {
		t, err = s.parseNewName(*r.FunctionName)
	}
	conf := defaultConfiguration(t.name)
	if err := validate(err, required(r.Role, "role"), r.Code.check(), checkArchitectures(r.Architectures), r.settings.check(conf)); err != nil {
		return conf, err
	}
	conf.FunctionArn = s.arn(t)
	set(&conf.PackageType, r.PackageType)
	if r.Architectures != nil {
		conf.Architectures = r.Architectures
	}
	if r.Runtime != nil {
		if err := checkCreation(*r.Runtime); err != nil {
			return conf, err
		}
	}
	r.settings.apply(&conf)
	conf.RuntimeVersionConfig = s.runtimeVersion(conf)
	if err := checkTags(r.Tags); err != nil {
		return conf, err
	}
	return conf, conf.check()
}

// createCode adds the code of a new function to its configuration. A container
// image has no package.
func (s *Server) createCode(r *createRequest, conf *configuration) (*zips.Package, error) {
	hasZip, hasImage := r.Code.given(), r.Code.ImageUri != nil
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
	code, err := s.addCode(r.Code.zipSource)
	if err == nil {
		r.Code.describe(code, conf)
	}
	return code, err
}

func (s *Server) getFunction(c *call) (any, error) {
	f, t, err := s.lookup(s.target(c))
	if err != nil {
		return nil, err
	}
	conf := s.reported(f, t)
	code := map[string]any{"RepositoryType": "S3", "Location": s.downloadURL(conf.CodeSha256)}
	if conf.object != nil {
		code["ResolvedS3Object"] = conf.object
	}
	if f.image != "" {
		code = map[string]any{"RepositoryType": "ECR", "ImageUri": f.image, "ResolvedImageUri": f.image}
	}
	answer := map[string]any{"Configuration": conf, "Code": code}
	if len(f.tags) > 0 && conf.Version == latest { // tags belong to the function
		answer["Tags"] = f.tags
	}
	return answer, nil
}

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
	conf := f.qualified(t.qualifier).reported
	conf.FunctionArn = s.arn(t)
	return conf
}

func (s *Server) listFunctions(c *call) (any, error) {
	versions := c.URL.Query().Get("FunctionVersion")
	switch {
	case c.URL.Query().Has("MasterRegion"):
		return nil, notImplemented("MasterRegion")
	case versions != "" && versions != "ALL":
		return nil, oneOf(versions, "functionVersion", "ALL")
	}
	list := map[string]configuration{}
	for name, f := range s.functions {
		if versions == "" {
			list[name] = s.reported(f, target{name: name}).listed()
		} else {
			s.listVersions(f, list)
		}
	}
	return pageOf(c, "Functions", list, 50)
}

// deleteFunction deletes a function with its versions and aliases, or one
// version. Invocations in progress continue. Assumption: a function can be
// deleted while it is Pending or InProgress.
func (s *Server) deleteFunction(c *call) (any, error) {
	t, err := s.target(c)
	if err == nil && t.qualifier == latest {
		err = invalidParameter("%s version cannot be deleted without deleting the function.", latest)
	}
	f, _, err := s.lookup(target{name: t.name}, err)
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" {
		return nil, s.deleteVersion(f, t.qualifier)
	}
	delete(s.functions, t.name)
	for _, v := range f.all() {
		s.retire(v.serving)
	}
	s.retire(f.next)
	s.endWindow(f)
	f.serving, f.next = nil, nil
	return nil, nil
}
