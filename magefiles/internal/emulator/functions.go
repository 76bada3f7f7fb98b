package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

// function is one function. The server's mutex guards it.
type function struct {
	// reported is what the API says of the function. While an update is
	// InProgress, and only then, it is ahead of what serves.
	reported configuration

	serving *version // what invocations get, nil while the function is Pending
	next    *version // what an update, or the creation, is bringing in
	updates int      // accepted so far

	window []*version  // what may serve besides serving, what cannot be started first
	turn   int         // invocations since the last update, while the window lasts
	timer  *time.Timer // for the next change of window, nil before the first

	versions  []*publication // what was published, oldest first
	published int            // versions so far, those that are deleted included
	aliases   map[string]*alias

	image string // its URI, where the function is a container image
	tags  map[string]string
}

// find looks up a function that has what the target's qualifier names. The
// server's mutex must be held.
func (s *Server) find(t target) (*function, error) {
	f, ok := s.functions[t.name]
	if ok {
		_, ok = f.version(t.qualifier)
	}
	if !ok {
		return nil, notFound(s.arn(t))
	}
	return f, nil
}

// createFunction makes a function. Unlike AWS, it takes go1.x.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
func (s *Server) createFunction(c *call) (reply, error) {
	var request struct {
		settings
		FunctionName  *string
		PackageType   *string
		Architectures []string
		Publish       bool
		Tags          map[string]string
		Code          struct {
			ZipFile                          []byte
			ImageUri                         *string
			S3Bucket, S3Key, S3ObjectVersion *string
		}
	}
	if err := decode(c.body, &request); err != nil {
		return reply{}, err
	}
	if request.FunctionName == nil {
		return reply{}, invalid(nil, "functionName", "Member must not be null")
	}
	t, err := s.parseTarget(*request.FunctionName)
	if err != nil {
		return reply{}, err
	}
	switch {
	case t.qualifier != "":
		return reply{}, invalidParameter("The function name of a new function must not have a version or alias: %s", *request.FunctionName)
	case request.Role == nil:
		return reply{}, invalid(nil, "role", "Member must not be null")
	case request.Code.S3Bucket != nil || request.Code.S3Key != nil || request.Code.S3ObjectVersion != nil:
		return reply{}, notImplemented("code in S3")
	}

	conf := configuration{
		FunctionName:    t.name,
		FunctionArn:     s.arn(t),
		Timeout:         3,
		MemorySize:      128,
		Version:         latest,
		PackageType:     "Zip",
		Architectures:   []string{"x86_64"},
		State:           "Pending",
		StateReason:     "The function is being created.",
		StateReasonCode: "Creating",
	}
	conf.TracingConfig.Mode = "PassThrough"
	conf.EphemeralStorage.Size = 512
	conf.SnapStart.ApplyOn, conf.SnapStart.OptimizationStatus = "None", "Off"
	conf.LoggingConfig.LogFormat, conf.LoggingConfig.LogGroup = "Text", logGroup(t.name)
	if request.PackageType != nil {
		conf.PackageType = *request.PackageType
	}
	if request.Architectures != nil {
		if err := checkArchitectures(request.Architectures); err != nil {
			return reply{}, err
		}
		conf.Architectures = request.Architectures
	}
	if err := request.settings.apply(&conf); err != nil {
		return reply{}, err
	}
	if err := conf.check(); err != nil {
		return reply{}, err
	}
	conf.touch()
	conf.revise()

	f := &function{tags: request.Tags, aliases: map[string]*alias{}}
	v := &version{}
	switch conf.PackageType {
	case "Image":
		if request.Code.ImageUri == nil || request.Code.ZipFile != nil {
			return reply{}, invalidParameter("Please provide ImageUri, and no ZipFile, when the intended function PackageType is Image.")
		}
		f.image = *request.Code.ImageUri
		digest := sha256.Sum256([]byte(f.image)) // there is no image to take the digest of
		conf.CodeSha256 = hex.EncodeToString(digest[:])
	case "Zip":
		if request.Code.ZipFile == nil || request.Code.ImageUri != nil {
			return reply{}, invalidParameter("Please provide a source for function code.")
		}
		if v.code, err = s.packages.take(request.Code.ZipFile); err != nil {
			return reply{}, err
		}
		conf.CodeSha256, conf.CodeSize = v.code.sha256, v.code.size
	default:
		return reply{}, invalid(conf.PackageType, "packageType", "Member must satisfy enum value set: [Image, Zip]")
	}
	v.configuration = conf
	f.reported, f.next = conf, v

	s.mu.Lock()
	if _, ok := s.functions[t.name]; ok {
		s.mu.Unlock()
		s.packages.release(v.code)
		return reply{}, conflict("Function already exist: %s", t.name)
	}
	if request.Publish {
		// The answer has the version's number, and yet the function's ARN.
		conf.Version = s.publish(f, nil).reported.Version
	}
	s.functions[t.name] = f
	s.mu.Unlock()
	s.completeLater(f, v, nil)
	return jsonReply(http.StatusCreated, conf)
}

// getFunction reports a function, or a version of it, with a way to its package.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
func (s *Server) getFunction(c *call) (reply, error) {
	t, err := s.target(c)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(t)
	if err != nil {
		return reply{}, err
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
		where = code{RepositoryType: "S3", Location: s.url + locationPath + s.locations.issue(conf.CodeSha256)}
	}
	tags := f.tags
	if conf.Version != latest { // which has no details but its own
		tags = nil
	}
	return jsonReply(http.StatusOK, struct {
		Configuration configuration
		Code          code
		Tags          map[string]string `json:",omitempty"`
	}{conf, where, tags})
}

// getFunctionConfiguration reports the configuration of a function or a version.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
func (s *Server) getFunctionConfiguration(c *call) (reply, error) {
	t, err := s.target(c)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(t)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, s.reported(f, t))
}

// reported is the configuration of a function or, if the target names one, a
// version, under the ARN that it was asked for by.
func (s *Server) reported(f *function, t target) configuration {
	conf := f.reported
	if p, _ := f.version(t.qualifier); p != nil {
		conf = p.reported
	}
	conf.FunctionArn = s.arn(t)
	return conf
}

// listFunctions lists functions by name, each with its versions if that is asked for.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func (s *Server) listFunctions(c *call) (reply, error) {
	query := c.URL.Query()
	if query.Has("MasterRegion") {
		return reply{}, notImplemented("MasterRegion")
	}
	all := query.Get("FunctionVersion")
	if all != "" && all != "ALL" {
		return reply{}, invalid(all, "functionVersion", "Member must satisfy enum value set: [ALL]")
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	list := map[string]configuration{}
	for name, f := range s.functions {
		if all != "" {
			s.listVersions(f, list)
		} else {
			list[name] = s.reported(f, target{name: name}).listed()
		}
	}
	functions, next, err := page(query, list, 50)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, struct {
		Functions  []configuration
		NextMarker string `json:",omitempty"`
	}{functions, next})
}

// deleteFunction removes a function with its versions and aliases, or one
// version. Invocations under way finish. That it may be done while the function
// is Pending or InProgress is an assumption.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
func (s *Server) deleteFunction(c *call) (reply, error) {
	t, err := s.target(c)
	if err != nil {
		return reply{}, err
	}
	if t.qualifier == latest {
		return reply{}, invalidParameter("%s version cannot be deleted without deleting the function.", latest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(target{name: t.name})
	if err != nil {
		return reply{}, err
	}
	if t.qualifier != "" {
		return reply{status: http.StatusNoContent}, s.deleteVersion(f, t.qualifier)
	}
	delete(s.functions, t.name)
	for _, p := range f.versions {
		s.retire(p.serving)
	}
	s.retire(f.serving)
	s.retire(f.next)
	s.endWindow(f)
	f.serving, f.next = nil, nil
	return reply{status: http.StatusNoContent}, nil
}
