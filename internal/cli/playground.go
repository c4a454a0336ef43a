package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"laminar/serve"
)

// playgroundAt is what `laminar playground --json` prints.
type playgroundAt struct {
	Address string `json:"address"`
}

func (a *app) playgroundCommand() *cobra.Command {
	var addr, token string
	var noBrowser, remote bool
	cmd := &cobra.Command{
		Use: "playground", Short: "Watch flows learn, and touch them, in the browser",
		Long: `Serve the playground: a page that trains flows with this program's own trainer,
shows particles on their way, and lets you change anything. It listens on this
machine only, until Ctrl-C.

With --allow-remote it listens beyond this machine, for a classroom say: all who
have the address with its token may train, a few runs each. The token travels
unencrypted; put a TLS proxy before it on a network that you do not trust.`,
		Example: "  laminar playground\n  laminar playground --addr 127.0.0.1:0 --no-browser\n  laminar playground --addr 0.0.0.0:8787 --allow-remote",
		Args:    takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := serve.Defaults()
			v := thisVersion()
			c.Version, c.Command = v.Version, commandLine
			if token != "" && !remote {
				return usagef("--token is for --allow-remote; on this machine none is needed")
			}
			if remote {
				if token == "" {
					token = rand.Text()
				}
				if len(token) < 8 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`&#%+=?"\`, r) }) {
					return usagef("--token: give at least 8 letters and digits")
				}
				c.Token, c.ClientRuns = token, 4
			}
			l, err := listen(addr, remote)
			if err != nil {
				return err
			}
			url := addressOf(l, token)
			if a.json {
				if err := a.printJSON(playgroundAt{url}); err != nil {
					l.Close()
					return err
				}
			} else {
				fmt.Fprintf(a.stdout, "The playground is at %s\nCtrl-C ends it.\n", url)
			}
			if !noBrowser && !remote {
				openBrowser(url)
			}
			err = serve.New(c).Serve(cmd.Context(), l)
			a.note("the playground has ended")
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:8787", "`address` and port to listen on; port 0 picks a free one")
	f.BoolVar(&noBrowser, "no-browser", false, "do not open the browser")
	f.BoolVar(&remote, "allow-remote", false, "listen beyond this machine, for those who have the token")
	f.StringVar(&token, "token", "", "`word` that opens a remote playground (default a random one)")
	complete(cmd, "addr", "127.0.0.1:8787", "127.0.0.1:0", "0.0.0.0:8787")
	complete(cmd, "token")
	return cmd
}

// listen opens the address, which is one of this machine to itself unless remote
// ones are allowed.
func listen(addr string, remote bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, usagef("--addr: %q is not an address with a port; give 127.0.0.1:8787", addr)
	}
	ip := net.ParseIP(host)
	if !remote && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usagef("--addr: %s can be reached from other machines; add --allow-remote if you mean it, or use 127.0.0.1", addr)
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, told{fmt.Sprintf("%s is in use, by another playground perhaps; give another port: --addr 127.0.0.1:0 picks one", addr), err}
	}
	return l, err
}

// addressOf is what to open in a browser.
func addressOf(l net.Listener, token string) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		host, port = "127.0.0.1", "8787"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = ownAddress()
	}
	url := "http://" + net.JoinHostPort(host, port) + "/"
	if token != "" {
		url += "?token=" + token
	}
	return url
}

// ownAddress is one by which others reach this machine, as far as it knows.
func ownAddress() string {
	addrs, err := net.InterfaceAddrs()
	if err == nil {
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
				return n.IP.String()
			}
		}
	}
	return "127.0.0.1"
}

// openBrowser opens an address where there is a desktop; where it cannot, the
// printed address remains.
func openBrowser(url string) {
	var cmd *exec.Cmd
	switch {
	case runtime.GOOS == "darwin":
		cmd = exec.Command("open", url)
	case runtime.GOOS == "windows":
		cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", url)
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		cmd = exec.Command("xdg-open", url)
	default:
		return
	}
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // not to leave a zombie
	}
}
