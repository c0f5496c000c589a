package stack

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	integrations "github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/api"
)

// newAPI makes the HTTP API, with each operation of the table in shared/api as a
// route to its function.
func newAPI(s awscdk.Stack, cfg Config, fns functions) awsapigatewayv2.HttpApi {
	gateway := awsapigatewayv2.NewHttpApi(s, jsii.String("Api"), &awsapigatewayv2.HttpApiProps{
		ApiName:                   s.StackName(), // it identifies nothing: two APIs may have one name
		CorsPreflight:             cors(cfg.Settings.CORSOrigins),
		CreateDefaultStage:        jsii.Bool(false),
		DisableExecuteApiEndpoint: jsii.Bool(cfg.Settings.Domain != ""), // agents would come by two names
	})
	stage := newStage(s, cfg, gateway)
	for _, name := range Names() {
		keys := api.Routes(name)
		if len(keys) == 0 {
			continue
		}
		integration := integrations.NewHttpLambdaIntegration(
			jsii.String(name), fns[name].serving, &integrations.HttpLambdaIntegrationProps{
				PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
				// One permission for the function, not one for each route: its routes are all
				// of its own API.
				ScopePermissionToRoute: jsii.Bool(false),
			})
		for _, key := range slices.Sorted(slices.Values(keys)) {
			if key == api.CatchAll {
				stage.Node().AddDependency(awsapigatewayv2.NewHttpRoute(s, jsii.String("Rest"), &awsapigatewayv2.HttpRouteProps{
					HttpApi: gateway, RouteKey: awsapigatewayv2.HttpRouteKey_DEFAULT(), Integration: integration,
				}))
				continue
			}
			method, path, _ := strings.Cut(key, " ")
			for _, route := range *gateway.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
				Path: &path, Methods: &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod(method)},
				Integration: integration,
			}) {
				stage.Node().AddDependency(route) // a throttle names a route that is there
			}
		}
	}
	url := jsii.String("https://" + cfg.Settings.Domain)
	if cfg.Settings.Domain == "" {
		url = gateway.ApiEndpoint()
	}
	awscdk.NewCfnOutput(s, jsii.String("Url"), &awscdk.CfnOutputProps{Value: url})
	return gateway
}

// accessLog is one line of the API's access log. It holds no header, so no
// credential.
const accessLog = `{"request_id":"$context.requestId","from":"$context.identity.sourceIp",` +
	`"at":"$context.requestTimeEpoch","route":"$context.routeKey","path":"$context.path",` +
	`"status":"$context.status","bytes":"$context.responseLength","ms":"$context.responseLatency",` +
	`"function_ms":"$context.integrationLatency","error":"$context.error.message",` +
	`"function_error":"$context.integrationErrorMessage"}`

// newStage makes the API's one stage: throttled, with an access log, and at its
// own domain if there is one.
func newStage(s awscdk.Stack, cfg Config, gateway awsapigatewayv2.HttpApi) awsapigatewayv2.HttpStage {
	props := &awsapigatewayv2.HttpStageProps{
		HttpApi: gateway, AutoDeploy: jsii.Bool(true),
		// Not DetailedMetricsEnabled: it makes six metrics a route, each with a price, and the access log has the route.
		Throttle: &awsapigatewayv2.ThrottleSettings{
			RateLimit:  jsii.Number(float64(cfg.Settings.RequestsPerSecond)),
			BurstLimit: jsii.Number(float64(cfg.Settings.Burst)),
		},
	}
	if name := cfg.Settings.Domain; name != "" {
		domain := awsapigatewayv2.NewDomainName(s, jsii.String("Domain"), &awsapigatewayv2.DomainNameProps{
			DomainName: &name,
			Certificate: awscertificatemanager.Certificate_FromCertificateArn(
				s, jsii.String("Certificate"), &cfg.Settings.CertificateARN),
		})
		props.DomainMapping = &awsapigatewayv2.DomainMappingOptions{DomainName: domain}
		awscdk.NewCfnOutput(s, jsii.String("DomainTarget"), &awscdk.CfnOutputProps{
			Value: domain.RegionalDomainName(), Description: jsii.String("what a DNS record of the domain points at"),
		})
	}
	stage := awsapigatewayv2.NewHttpStage(s, jsii.String("Stage"), props)
	logs := newLogs(s, cfg, "access-logs")
	resource := stage.Node().DefaultChild().(awsapigatewayv2.CfnStage)
	resource.SetAccessLogSettings(&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
		DestinationArn: logs.LogGroupArn(), Format: jsii.String(accessLog),
	})
	resource.SetRouteSettings(throttles(cfg.Settings))
	return stage
}

// throttles are those of single routes: low for what only people read, lowest for what is no route.
// Who calls those without end takes nothing from the agents' calls.
func throttles(s Settings) map[string]any {
	out := map[string]any{api.CatchAll: throttle(s.UnknownPerSecond)}
	for _, o := range api.Operations() {
		if strings.HasPrefix(o.Route, "GET ") && o.Tag != "agents" {
			out[o.Route] = throttle(s.ReadsPerSecond)
		}
	}
	return out
}

// throttle lets twice as many come at once as in a second.
func throttle(perSecond int) map[string]any {
	return map[string]any{"ThrottlingRateLimit": perSecond, "ThrottlingBurstLimit": 2 * perSecond}
}
