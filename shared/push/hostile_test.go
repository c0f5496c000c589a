package push_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/push"
)

// hostile are URLs with which a stranger would have Rollcall call where only Rollcall gets to. Names that lead to
// such an address are not here: they are refused when they are dialled (TestPush).
const hostile = `
http://127.0.0.1 http://127.0.0.1:80 http://127.0.0.1:22 http://127.127.127.127 http://127.0.0.0 http://127.255.255.254
http://0.0.0.0 http://0.0.0.0:8000 http://0 http://00 http://0x0 http://0.1.2.3 http://255.255.255.255
http://10.0.0.1 http://10.255.255.255 http://172.16.0.1 http://172.31.255.254 http://192.168.0.1 http://192.168.1.254
http://100.64.0.1 http://100.127.255.254 http://198.18.0.1 http://198.19.255.254 http://192.0.0.8 http://192.0.2.1
http://198.51.100.7 http://203.0.113.9 http://224.0.0.1 http://239.255.255.250 http://240.0.0.1 http://192.88.99.1
http://169.254.169.254 http://169.254.169.254/latest/meta-data/iam/security-credentials/
http://169.254.170.2/v2/credentials http://169.254.169.253 http://169.254.0.1
http://169.254.169.254:80 http://169.254.169.254. http://169.254.170.23
http://[fd00:ec2::254]/latest/meta-data http://[fd00:ec2::23] http://metadata.google.internal http://metadata.internal.
http://metadata http://instance-data http://2130706433 http://3232235521 http://2852039166
http://017700000001 http://0177.0.0.1 http://0177.1 http://0x7f000001 http://0x7f.0x0.0x0.0x1 http://0x7f.1
http://0X7F.1 http://127.1 http://127.0.1 http://10.1 http://192.168.257 http://0xa9fea9fe http://0xA9.0xFE.0xA9.0xFE
http://169.254.43518 http://0251.0376.0251.0376 http://0251.254.169.254 http://00000177.0.0.1
http://127.0.0.01 http://127.000.000.001
http://127.0.0.1. http://2130706433. http://0x7f.1. http://1.2.3 http://256.256.256.256 http://999999999999
http://[::] http://[::1] http://[::1]:8000 http://[0:0:0:0:0:0:0:1] http://[::ffff:127.0.0.1] http://[::ffff:7f00:1]
http://[::ffff:169.254.169.254] http://[::ffff:a9fe:a9fe] http://[::ffff:10.0.0.1] http://[0:0:0:0:0:ffff:192.168.0.1]
http://[::127.0.0.1] http://[::7f00:1] http://[64:ff9b::127.0.0.1] http://[64:ff9b::a9fe:a9fe] http://[64:ff9b:1::1]
http://[2002:7f00:1::] http://[2002:a9fe:a9fe::1] http://[2001::1] http://[2001:db8::1] http://[100::1] http://[fe80::1]
http://[fe80::1%25eth0] http://[fec0::1] http://[fc00::1] http://[fd12:3456:789a::1] http://[ff02::1] http://[ff05::c]
http://localhost http://LOCALHOST http://LocalHost. http://localhost.localdomain.localhost http://a.b.localhost
http://printer.local http://db.internal http://host.docker.internal http://ip6-localhost http://loopback
http://user@example.com http://user:pw@example.com http://example.com@127.0.0.1 http://127.0.0.1@example.com
http://example.com:80@169.254.169.254/ https://:@example.com http://[::1]@example.com
http://example.com:0 http://example.com:65536 http://example.com:-1 http://example.com:http
http:///127.0.0.1 http:/127.0.0.1 http:127.0.0.1 //127.0.0.1 http:// https:// http://: http://. http://..
file:///etc/passwd gopher://example.com ftp://example.com dict://example.com ldap://example.com jar:http://example.com
data:text/plain,x javascript:alert(1) unix:///var/run/docker.sock http+unix://x httpx://example.com HTTP://127.0.0.1
http://%31%32%37.0.0.1 http://127.0.0.1%00.example.com http://127.0.0.1%2f.example.com http://127.0.0.1\@example.com
http://127。0。0。1 http://①②⑦.⓪.⓪.① http://[::1 http://::1 http://[127.0.0.1] http://example..com
`

func TestHostileURLs(t *testing.T) {
	urls := strings.Fields(hostile)
	urls = append(urls, "http://127.0.0.1\t.example.com", "http://example.com\r\nHost: internal", "http:// 127.0.0.1",
		"\x00http://example.com", "http://"+strings.Repeat("a.", 200)+"com", "http://"+strings.Repeat("a", 64)+".com")
	if len(urls) < 88 {
		t.Errorf("only %d", len(urls))
	}
	strict := push.New(push.Public, push.Patience{})
	for _, url := range urls {
		if strict.Objection(url) == "" {
			t.Errorf("%q is let in", url)
		}
	}
	for _, url := range []string{
		"https://agent.example.com", "http://1.example.com", "https://0x.example", "https://127.0.0.1.nip.io",
		"http://8.8.8.8",
		"https://xn--bcher-kva.example", "https://a-1.b2.example:8443/path?q=1", "https://[2606:4700::1111]:8443",
	} {
		if why := strict.Objection(url); why != "" {
			t.Errorf("%q is refused: %s", url, why)
		}
	}
}
