package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/zips"
	"example.com/dualboot/magefiles/internal/lambda"
)

// layer is what was published under one name.
type layer struct {
	published int             // versions so far, with the deleted ones
	versions  []*layerVersion // that exist, oldest first
}

// layerVersion is a version of a layer as lists show it. It does not change.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_LayerVersionsListItem.html
type layerVersion struct {
	LayerVersionArn         string
	Version                 int
	Description             string
	CreatedDate             string
	LicenseInfo             string   `json:",omitempty"`
	CompatibleArchitectures []string `json:",omitzero"`
	CompatibleRuntimes      []string `json:",omitzero"`

	content *zips.Package
	object  *resolvedObject // the content, if it is kept by reference
}

// attachedLayer is a layer version in the configuration of a function.
type attachedLayer struct {
	Arn      string
	CodeSize int64 // 0 for layers of other accounts
}

// layerDetails is a layer version as it is reported alone.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersion.html
type layerDetails struct {
	*layerVersion
	LayerArn string
	Content  struct {
		Location         string
		CodeSha256       string
		CodeSize         int64
		ResolvedS3Object *resolvedObject `json:",omitempty"`
	}
}

func (s *Server) layerDetails(v *layerVersion) layerDetails {
	details := layerDetails{layerVersion: v}
	details.LayerArn, _ = splitLayerVersion(v.LayerVersionArn)
	details.Content.Location = s.downloadURL(v.content.CodeSha256)
	details.Content.CodeSha256, details.Content.CodeSize = v.content.CodeSha256, v.content.Size
	details.Content.ResolvedS3Object = v.object
	return details
}

// The patterns of layers' ARNs in the API's model, as AWS states them in errors.
const (
	layerVersionPattern = `(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`
	layerPattern        = `(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+`
)

// splitLayerVersion returns the parts of the ARN of a layer version. Those of AWS's
// own layers have no version.
func splitLayerVersion(arn string) (layer, version string) {
	if strings.Contains(arn, ":awslayer:") {
		return arn, ""
	}
	i := strings.LastIndex(arn, ":")
	return arn[:i], arn[i+1:]
}

// layerName returns the name of the layer of a call, which names it so or by its
// ARN. Layers of other accounts and regions cannot be reached.
func (s *Server) layerName(c *call) (string, error) {
	name := c.resource
	if err := validate(atMost(140, &name, "layerName"), matching(&name, "layerName", layerPattern)); err != nil {
		return "", err
	}
	if own, ok := strings.CutPrefix(name, s.lambdaARN("layer:")); ok {
		return own, nil
	}
	if strings.Contains(name, ":") {
		return "", notYours()
	}
	return name, nil
}

// findLayerVersion returns a version of a layer of this account, or nil.
func (s *Server) findLayerVersion(name, number string) *layerVersion {
	if l := s.layers[name]; l != nil {
		for _, v := range l.versions {
			if strconv.Itoa(v.Version) == number {
				return v
			}
		}
	}
	return nil
}

// layerVersion returns the version that the path of a call names, nil if there is
// none.
func (s *Server) layerVersion(c *call) (*layerVersion, error) {
	name, err := s.layerName(c)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(c.part)
	switch {
	case err != nil:
		return nil, invalid(c.part, "versionNumber", "Member must be an integer")
	case n < 1:
		return nil, invalidParameter("Layer Version Cannot be less than 1")
	}
	return s.findLayerVersion(name, strconv.Itoa(n)), nil
}

func noLayerVersion() error { return notFound("The resource you requested does not exist.") }

type layerRequest struct {
	LayerName                                   *string // also in the path
	Content                                     *zipSource
	Description, LicenseInfo                    *string
	CompatibleArchitectures, CompatibleRuntimes []string
}

// check refuses a request that is invalid by itself. Assumption: without content it
// is refused like a function without code.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html
func (r *layerRequest) check() error {
	var runtimes, architectures, source error
	known := knownRuntimes()
	if slices.ContainsFunc(r.CompatibleRuntimes, func(name string) bool { return !slices.Contains(known, name) }) {
		runtimes = invalid(r.CompatibleRuntimes, "compatibleRuntimes", "Member must satisfy enum value set: ["+offeredRuntimes+"]")
	} else if len(r.CompatibleRuntimes) > 15 {
		runtimes = invalid(r.CompatibleRuntimes, "compatibleRuntimes", "Member must have length less than or equal to 15")
	}
	if slices.ContainsFunc(r.CompatibleArchitectures, func(name string) bool { return name != lambda.X86_64 && name != lambda.ARM64 }) {
		architectures = invalid(r.CompatibleArchitectures, "compatibleArchitectures", "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")
	} else if len(r.CompatibleArchitectures) > 2 {
		architectures = invalid(r.CompatibleArchitectures, "compatibleArchitectures", "Member must have length less than or equal to 2")
	}
	switch {
	case r.Content == nil:
		source = required(r.Content, "content")
	case !r.Content.given():
		source = invalidParameter("Please provide a source for function code.")
	default:
		source = r.Content.check()
	}
	return validate(runtimes, architectures, checkDescription(r.Description), atMost(512, r.LicenseInfo, "licenseInfo"), source)
}

// publishLayerVersion adds a version to a layer. Its number is one more than that
// of the last one, even if that is deleted, as recorded from AWS. It locks mu.
func (s *Server) publishLayerVersion(c *call, r *layerRequest) (reply, error) {
	name, err := s.layerName(c)
	if err = validate(err, r.check()); err != nil {
		return reply{}, err
	}
	content, err := s.addCode(*r.Content)
	if err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.layers[name]
	if l == nil {
		l = &layer{}
		s.layers[name] = l
	}
	l.published++
	v := &layerVersion{
		LayerVersionArn: s.lambdaARN(fmt.Sprintf("layer:%s:%d", name, l.published)), Version: l.published,
		CreatedDate:             time.Now().UTC().Format(lastModified),
		CompatibleArchitectures: r.CompatibleArchitectures, CompatibleRuntimes: r.CompatibleRuntimes,
		content: content, object: r.Content.resolved(),
	}
	set(&v.Description, r.Description)
	set(&v.LicenseInfo, r.LicenseInfo)
	l.versions = append(l.versions, v)
	return jsonReply(http.StatusCreated, s.layerDetails(v))
}

func (s *Server) getLayerVersion(c *call) (any, error) {
	v, err := s.layerVersion(c)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, noLayerVersion()
	}
	return s.layerDetails(v), nil
}

func (s *Server) getLayerVersionByArn(c *call) (any, error) {
	arn := c.URL.Query().Get("Arn")
	if err := validate(atMost(2048, &arn, "arn"), matching(&arn, "arn", layerVersionPattern)); err != nil {
		return nil, err
	}
	of, number := splitLayerVersion(arn)
	name, own := strings.CutPrefix(of, s.lambdaARN("layer:"))
	if !own {
		return nil, notYours()
	}
	v := s.findLayerVersion(name, number)
	if v == nil {
		return nil, noLayerVersion()
	}
	return s.layerDetails(v), nil
}

// deleteLayerVersion deletes a version if it exists. Functions that have it keep it.
func (s *Server) deleteLayerVersion(c *call) (any, error) {
	v, err := s.layerVersion(c)
	if v == nil || err != nil {
		return nil, err
	}
	name, _ := s.layerName(c)
	l := s.layers[name]
	l.versions = slices.DeleteFunc(l.versions, func(other *layerVersion) bool { return other == v })
	s.packages.Release(v.content)
	return nil, nil
}

// listedRuntimes are the values that AWS lists when it refuses to list layers for
// an unknown runtime, in its order, as recorded in January 2026.
const listedRuntimes = "ruby3.5, ruby2.6, dotnetcore1.0, python3.7, nodejs8.10, nasa, ruby2.7, python2.7-greengrass, dotnetcore2.0, python3.8, java21, dotnet6, dotnetcore2.1, python3.9, java11, nodejs6.10, provided, dotnetcore3.1, dotnet8, java25, java17, nodejs, nodejs4.3, java8.al2, go1.x, dotnet10, nodejs20.x, go1.9, byol, nodejs10.x, provided.al2023, nodejs22.x, python3.10, java8, nodejs12.x, python3.11, nodejs24.x, nodejs8.x, python3.12, nodejs14.x, nodejs8.9, nodejs26.x, python3.13, python3.14, nodejs16.x, python3.15, provided.al2, nodejs4.3-edge, nodejs18.x, ruby3.2, python3.4, ruby3.3, ruby3.4, ruby2.5, python3.6, python2.7"

// layerFilter returns what a call lists: versions that say that they are compatible
// with what it names.
func layerFilter(c *call) (func(*layerVersion) bool, error) {
	query := c.URL.Query()
	runtime, architecture := query.Get("CompatibleRuntime"), query.Get("CompatibleArchitecture")
	var unknown, impossible error
	if runtime != "" {
		unknown = oneOf(runtime, "compatibleRuntime", strings.Split(listedRuntimes, ", ")...)
	}
	if architecture != "" {
		impossible = oneOf(architecture, "compatibleArchitecture", lambda.X86_64, lambda.ARM64)
	}
	return func(v *layerVersion) bool {
		return (runtime == "" || slices.Contains(v.CompatibleRuntimes, runtime)) &&
			(architecture == "" || slices.Contains(v.CompatibleArchitectures, architecture))
	}, validate(unknown, impossible)
}

// listLayerVersions lists the versions of a layer, the newest first.
func (s *Server) listLayerVersions(c *call) (any, error) {
	name, err := s.layerName(c)
	matching, invalid := layerFilter(c)
	if err := validate(err, invalid); err != nil {
		return nil, err
	}
	list := map[string]*layerVersion{}
	if l := s.layers[name]; l != nil {
		for _, v := range l.versions {
			if matching(v) {
				list[fmt.Sprintf("%010d", 9999999999-v.Version)] = v
			}
		}
	}
	return pageOf(c, "LayerVersions", list, 50)
}

type listedLayer struct {
	LayerName, LayerArn   string
	LatestMatchingVersion *layerVersion
}

// listLayers lists the layers that have a matching version.
func (s *Server) listLayers(c *call) (any, error) {
	matching, err := layerFilter(c)
	if err != nil {
		return nil, err
	}
	list := map[string]listedLayer{}
	for name, l := range s.layers {
		for _, v := range l.versions { // the newest is the last
			if matching(v) {
				list[name] = listedLayer{name, s.lambdaARN("layer:" + name), v}
			}
		}
	}
	return pageOf(c, "Layers", list, 50)
}

// checkLayers refuses what are no ARNs of layer versions, and more than five of
// them.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#lambda-CreateFunction-request-Layers
func checkLayers(arns []string) error {
	for _, arn := range arns {
		if len(arn) > 2048 || !matches(layerVersionPattern, arn) {
			return invalid(arns, "layers", "Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: "+layerVersionPattern+", Member must not be null]")
		}
	}
	if len(arns) > 5 {
		return invalidParameter("Cannot reference more than 5 layers.")
	}
	return nil
}

// attach sets the layers of a configuration, whose ARNs are valid, and returns what
// they make of /opt: nil for nothing. The caller must release it. Layers of other
// accounts and of AWS have no content here.
//
// The messages are recorded from AWS. Assumption: a version that was deleted does
// not exist for a function that has it either.
//
// https://docs.aws.amazon.com/lambda/latest/dg/adding-layers.html
func (s *Server) attach(arns []string, conf *configuration) (opt *zips.Package, err error) {
	conf.Layers = nil
	var contents []*zips.Package
	for i, arn := range arns {
		of, number := splitLayerVersion(arn)
		for _, earlier := range arns[:i] {
			if other, _ := splitLayerVersion(earlier); other == of {
				return nil, invalidParameter("Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", earlier, arn)
			}
		}
		attached := attachedLayer{Arn: arn}
		name, own := strings.CutPrefix(of, s.lambdaARN("layer:"))
		if v := s.findLayerVersion(name, number); own && v != nil {
			attached.CodeSize = v.content.Size
			contents = append(contents, v.content)
		} else if own {
			return nil, invalidParameter("Layer version %s does not exist.", arn)
		} else if region := strings.Split(arn, ":")[3]; region != "" && region != s.options.Region {
			return nil, invalidParameter("Layers are not in the same region as the function. Layers are expected to be in region %s.", s.options.Region)
		}
		conf.Layers = append(conf.Layers, attached)
	}
	return s.packages.Merge(contents...)
}
