#include "collectors/address_policy.h"

#include <gtest/gtest.h>

namespace forager::collectors {
namespace {

TEST(AddressPolicy, SpecialPurposeAddressesAreRefused) {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.0.170",
                           "192.0.2.1",
                           "192.31.196.1",
                           "192.52.193.1",
                           "192.88.99.1",
                           "192.168.0.1",
                           "192.175.48.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.7",
                           "203.0.113.9",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:10.0.0.1",
                           "::ffff:8.8.8.8",
                           "::8.8.8.8",
                           "64:ff9b::10.0.0.1",
                           "64:ff9b::8.8.8.8",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:10::1",
                           "2001:20::1",
                           "2001:db8::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1",
                           "2620:4f:8000::1",
                           "3fff::1",
                           "5f00::1",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1",
                           "4000::1",
                           "e000::1"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address) << text;
    EXPECT_TRUE(WhyRefused(*address)) << text;
  }
}

TEST(AddressPolicy, PublicAddressesAreNot) {
  for (const char* text : {"1.1.1.1",
                           "8.8.8.8",
                           "9.255.255.255",
                           "11.0.0.0",
                           "100.63.255.255",
                           "100.128.0.0",
                           "126.255.255.255",
                           "128.0.0.1",
                           "172.15.255.255",
                           "172.32.0.0",
                           "192.0.1.0",
                           "192.167.1.1",
                           "198.17.255.255",
                           "198.20.0.0",
                           "223.255.255.255",
                           "2001:200::1",
                           "2001:4860:4860::8888",
                           "2606:4700::1111",
                           "2a00:1450::1",
                           "3ffe::1"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address) << text;
    EXPECT_FALSE(WhyRefused(*address)) << text << " is " << *WhyRefused(*address);
  }
}

TEST(AddressPolicy, SaysWhatKindItIs) {
  EXPECT_EQ(WhyRefused(*ParseAddress("10.0.0.1")), "a private address");
  EXPECT_EQ(WhyRefused(*ParseAddress("::ffff:10.0.0.1")), "an IPv4-mapped address");
  EXPECT_EQ(WhyRefused(*ParseAddress("169.254.169.254")), "a link-local address");
  EXPECT_FALSE(ParseAddress("10.1"));
  EXPECT_FALSE(ParseAddress("example.com"));
}

}  // namespace
}  // namespace forager::collectors
