// The one translation unit that carries Boost.Asio's implementation
// (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
