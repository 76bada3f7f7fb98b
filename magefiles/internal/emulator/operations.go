package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

type service struct {
	name   string                       // in signatures
	failed func(*call, *apiError) reply // formats an error
}

type operation struct {
	name    string
	service service
	limit   int64 // of the request body, in bytes
	run     handler
}

// lambdaOperations returns Lambda's operations by method and path, without the
// API's version. Names in the path are "{}": every second segment. A query is there
// only where it decides.
func lambdaOperations() map[string]operation {
	small := func(name string, run handler) operation { return operation{name, lambdaService, maxOtherRequest, run} }
	return map[string]operation{
		"GET functions":                  small("ListFunctions", reading(http.StatusOK, (*Server).listFunctions)),
		"POST functions":                 {"CreateFunction", lambdaService, maxPackageRequest, decoding((*Server).createFunction)},
		"GET functions/{}":               small("GetFunction", reading(http.StatusOK, (*Server).getFunction)),
		"DELETE functions/{}":            small("DeleteFunction", reading(http.StatusNoContent, (*Server).deleteFunction)),
		"GET functions/{}/configuration": small("GetFunctionConfiguration", reading(http.StatusOK, (*Server).getFunctionConfiguration)),
		"PUT functions/{}/configuration": small("UpdateFunctionConfiguration", decoding((*Server).updateFunctionConfiguration)),
		"PUT functions/{}/code":          {"UpdateFunctionCode", lambdaService, maxPackageRequest, decoding((*Server).updateFunctionCode)},
		"POST functions/{}/invocations":  {"Invoke", lambdaService, maxSyncPayload, (*Server).invoke},

		"GET functions/{}/versions":      small("ListVersionsByFunction", reading(http.StatusOK, (*Server).listVersionsByFunction)),
		"POST functions/{}/versions":     small("PublishVersion", writing(http.StatusCreated, (*Server).publishVersion)),
		"GET functions/{}/aliases":       small("ListAliases", reading(http.StatusOK, (*Server).listAliases)),
		"POST functions/{}/aliases":      small("CreateAlias", writing(http.StatusCreated, (*Server).createAlias)),
		"GET functions/{}/aliases/{}":    small("GetAlias", reading(http.StatusOK, (*Server).getAlias)),
		"PUT functions/{}/aliases/{}":    small("UpdateAlias", writing(http.StatusOK, (*Server).updateAlias)),
		"DELETE functions/{}/aliases/{}": small("DeleteAlias", reading(http.StatusNoContent, (*Server).deleteAlias)),

		"GET layers":                   small("ListLayers", reading(http.StatusOK, (*Server).listLayers)),
		"GET layers?find=LayerVersion": small("GetLayerVersionByArn", reading(http.StatusOK, (*Server).getLayerVersionByArn)),
		"GET layers/{}/versions":       small("ListLayerVersions", reading(http.StatusOK, (*Server).listLayerVersions)),
		"POST layers/{}/versions":      {"PublishLayerVersion", lambdaService, maxPackageRequest, decoding((*Server).publishLayerVersion)},
		"GET layers/{}/versions/{}":    small("GetLayerVersion", reading(http.StatusOK, (*Server).getLayerVersion)),
		"DELETE layers/{}/versions/{}": small("DeleteLayerVersion", reading(http.StatusNoContent, (*Server).deleteLayerVersion)),

		"GET tags/{}":          small("ListTags", reading(http.StatusOK, (*Server).listTags)),
		"POST tags/{}":         small("TagResource", writing(http.StatusNoContent, (*Server).tagResource)),
		"DELETE tags/{}":       small("UntagResource", reading(http.StatusNoContent, (*Server).untagResource)),
		"GET functions/{}/url": small("GetFunctionUrlConfig", reading(http.StatusOK, (*Server).getFunctionUrlConfig)),

		"GET event-source-mappings":       small("ListEventSourceMappings", reading(http.StatusOK, (*Server).listEventSourceMappings)),
		"POST event-source-mappings":      small("CreateEventSourceMapping", writing(http.StatusAccepted, (*Server).createEventSourceMapping)),
		"GET event-source-mappings/{}":    small("GetEventSourceMapping", reading(http.StatusOK, (*Server).getEventSourceMapping)),
		"PUT event-source-mappings/{}":    small("UpdateEventSourceMapping", writing(http.StatusAccepted, (*Server).updateEventSourceMapping)),
		"DELETE event-source-mappings/{}": small("DeleteEventSourceMapping", reading(http.StatusAccepted, (*Server).deleteEventSourceMapping)),
	}
}

// route finds the operation of a request, and what its path names.
func (s *Server) route(r *http.Request) *call {
	c := &call{Request: r, operation: unknown(lambdaService)}
	if op, ok := cloudWatchOperation(r); ok {
		c.operation = op
		return c
	}
	if r.Method == http.MethodPost && r.URL.EscapedPath() == "/" {
		c.operation = stsOperation(nil) // until its body is read
		return c
	}
	if r.Method == http.MethodPost && r.URL.EscapedPath() == "/listRegions" {
		c.operation = operation{"ListRegions", accountService, maxOtherRequest, decoding((*Server).listRegions)}
		return c
	}
	version, path, _ := strings.Cut(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	segments := strings.Split(path, "/")
	names := []*string{&c.resource, &c.part}
	for i := 1; i < len(segments) && i/2 < len(names); i += 2 {
		*names[i/2], _ = url.PathUnescape(segments[i]) // which cannot fail with a path that is parsed
		segments[i] = "{}"
	}
	path = strings.Join(segments, "/")
	if find := r.URL.Query().Get("find"); find != "" {
		path += "?find=" + find
	}
	if op, ok := s.operations[r.Method+" "+path]; ok && version == apiVersion(op.name) {
		c.operation = op
	}
	return c
}

// apiVersion returns the version of the API that the path of an operation begins
// with.
func apiVersion(operation string) string {
	switch operation {
	case "ListTags", "TagResource", "UntagResource":
		return "2017-03-31"
	case "ListLayers", "GetLayerVersionByArn", "ListLayerVersions", "PublishLayerVersion", "GetLayerVersion", "DeleteLayerVersion":
		return "2018-10-31"
	case "GetFunctionUrlConfig":
		return "2021-10-31"
	}
	return "2015-03-31"
}

// globalRegion is the region of AWS's global services.
const globalRegion = "us-east-1"

// global reports whether a service has an endpoint in globalRegion for all regions.
func global(service string) bool { return service == stsService.name || service == accountService.name }

func unknown(service service) operation {
	return operation{"Unknown", service, maxOtherRequest, func(_ *Server, c *call) (reply, error) {
		return reply{}, apiErrorf(http.StatusNotFound, "UnknownOperationException",
			"the emulator does not implement %s %s", c.Method, c.URL.EscapedPath())
	}}
}
