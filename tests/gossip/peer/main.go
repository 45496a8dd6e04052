// SPDX-License-Identifier: Apache-2.0

// A node of the real memberlist, set up as MetalLB sets it up, and driven by lines on stdin.
//
//	peer NAME IP PORT KEY       KEY: 32 bytes in hexadecimal, or - for none
//
//	join IP...     prints "joined N"
//	members        prints "members NAME..."
//	meta NAME      prints "meta NAME HEX"
//	set-meta TEXT  tells it as metadata of this node
//	leave          prints "left"
//	quit
//
// Events are printed as they come: "join NAME", "leave NAME", "update NAME".
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

type events struct{}

func (events) NotifyJoin(n *memberlist.Node)   { fmt.Println("join", n.Name) }
func (events) NotifyLeave(n *memberlist.Node)  { fmt.Println("leave", n.Name) }
func (events) NotifyUpdate(n *memberlist.Node) { fmt.Println("update", n.Name) }

// delegate has nothing but metadata.
type delegate struct{ meta []byte }

func (d *delegate) NodeMeta(limit int) []byte                { return d.meta }
func (*delegate) NotifyMsg([]byte)                           {}
func (*delegate) GetBroadcasts(overhead, limit int) [][]byte { return nil }
func (*delegate) LocalState(join bool) []byte                { return nil }
func (*delegate) MergeRemoteState(buf []byte, join bool)     {}

func printMeta(list *memberlist.Memberlist, name string) {
	for _, n := range list.Members() {
		if n.Name == name {
			fmt.Println("meta", name, hex.EncodeToString(n.Meta))
		}
	}
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: peer NAME IP PORT KEY")
	}
	port, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	c := memberlist.DefaultLANConfig()
	c.Name = os.Args[1]
	c.BindAddr = os.Args[2]
	c.BindPort = port
	c.AdvertisePort = port
	c.Events = events{}
	if os.Args[4] != "-" {
		if c.SecretKey, err = hex.DecodeString(os.Args[4]); err != nil {
			log.Fatal(err)
		}
	}
	own := &delegate{}
	c.Delegate = own
	list, err := memberlist.Create(c)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "join":
			n, err := list.Join(words[1:])
			if err != nil {
				log.Print(err)
			}
			fmt.Println("joined", n)
		case "members":
			var names []string
			for _, n := range list.Members() {
				names = append(names, n.Name)
			}
			sort.Strings(names)
			fmt.Println("members", strings.Join(names, " "))
		case "meta":
			printMeta(list, words[1])
		case "set-meta":
			own.meta = []byte(words[1])
			if err := list.UpdateNode(time.Second); err != nil {
				log.Print(err)
			}
		case "leave":
			if err := list.Leave(time.Second); err != nil {
				log.Print(err)
			}
			fmt.Println("left")
		case "quit":
			return
		}
	}
}
