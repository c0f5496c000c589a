package stack

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	integrations "github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/api"
)

// newAPI makes the HTTP API, with each operation of the table in shared/api as a
// route to its function.
func newAPI(s awscdk.Stack, cfg Config, fns map[string]awslambda.Function) {
	gateway := awsapigatewayv2.NewHttpApi(s, jsii.String("Api"), &awsapigatewayv2.HttpApiProps{
		ApiName: jsii.String("rollcall"), CorsPreflight: cors(cfg.corsOrigins()),
	})
	for _, name := range Names() {
		keys := api.Routes(name)
		if len(keys) == 0 {
			continue
		}
		integration := integrations.NewHttpLambdaIntegration(
			jsii.String(name), fns[name], &integrations.HttpLambdaIntegrationProps{
				PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
			})
		for _, key := range slices.Sorted(slices.Values(keys)) {
			if key == api.CatchAll {
				awsapigatewayv2.NewHttpRoute(s, jsii.String("Rest"), &awsapigatewayv2.HttpRouteProps{
					HttpApi: gateway, RouteKey: awsapigatewayv2.HttpRouteKey_DEFAULT(), Integration: integration,
				})
				continue
			}
			method, path, _ := strings.Cut(key, " ")
			gateway.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
				Path: &path, Methods: &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod(method)},
				Integration: integration,
			})
		}
	}
	awscdk.NewCfnOutput(s, jsii.String("Url"), &awscdk.CfnOutputProps{Value: gateway.ApiEndpoint()})
}

// cors lets the web pages of these origins call the API; nil, where there are none, lets no other
// page than its own. A credential is sent as a header, never as a cookie.
func cors(origins []string) *awsapigatewayv2.CorsPreflightOptions {
	if len(origins) == 0 {
		return nil
	}
	var allowed []*string
	for _, origin := range origins {
		allowed = append(allowed, &origin)
	}
	return &awsapigatewayv2.CorsPreflightOptions{
		AllowOrigins: &allowed,
		AllowMethods: &[]awsapigatewayv2.CorsHttpMethod{
			awsapigatewayv2.CorsHttpMethod_GET, awsapigatewayv2.CorsHttpMethod_POST, awsapigatewayv2.CorsHttpMethod_DELETE,
		},
		AllowHeaders:  jsii.Strings("authorization", "content-type", "x-workspace-id", "x-source-workspace-id"),
		ExposeHeaders: jsii.Strings("retry-after"),
		MaxAge:        awscdk.Duration_Minutes(jsii.Number(10)),
	}
}
