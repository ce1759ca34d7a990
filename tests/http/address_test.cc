// Which clients count as one, and who asks behind a proxy.
#include "http/address.h"

#include <gtest/gtest.h>

#include <vector>

namespace forager::http {
namespace {

TEST(Address, AnIpv6NetworkIsOneClientAndIpv4IsItself) {
  EXPECT_EQ(AddressKey("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(AddressKey("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(AddressKey("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(AddressKey("::1"), "::1");
  EXPECT_EQ(AddressKey("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(AddressKey("2001:DB8:1:2::9"), AddressKey("2001:db8:1:2:ffff::"));
  EXPECT_NE(AddressKey("2001:db8:1:3::9"), AddressKey("2001:db8:1:2::9"));
  EXPECT_EQ(AddressKey("fe80::1%eth0"), "fe80::/64");
}

TEST(Address, OnlyATrustedProxyTellsWhoItsClientIs) {
  const std::vector<std::string> none, proxies{"10.0.0.1", "2001:db8::1"};
  EXPECT_EQ(ClientAddress("10.0.0.1", "192.0.2.7", none), "10.0.0.1");
  EXPECT_EQ(ClientAddress("10.0.0.9", "192.0.2.7", proxies), "10.0.0.9");
  EXPECT_EQ(ClientAddress("10.0.0.1", "192.0.2.7", proxies), "192.0.2.7");
  EXPECT_EQ(ClientAddress("::ffff:10.0.0.1", "192.0.2.7", proxies), "192.0.2.7");
  EXPECT_EQ(ClientAddress("2001:db8::2", "192.0.2.7", proxies), "2001:db8::2");
  // What the client wrote itself stands further left, and is not believed.
  EXPECT_EQ(ClientAddress("10.0.0.1", "1.2.3.4, 192.0.2.7", proxies), "192.0.2.7");
  EXPECT_EQ(ClientAddress("10.0.0.1", "192.0.2.7, 2001:db8::1", proxies), "192.0.2.7");
  EXPECT_EQ(ClientAddress("10.0.0.1", "[2001:db8:9::1]:4711", proxies), "2001:db8:9::1");
  EXPECT_EQ(ClientAddress("10.0.0.1", "192.0.2.7:4711", proxies), "192.0.2.7");
  EXPECT_EQ(ClientAddress("10.0.0.1", "unknown", proxies), "10.0.0.1");
  EXPECT_EQ(ClientAddress("10.0.0.1", "", proxies), "10.0.0.1");
}

}  // namespace
}  // namespace forager::http
