#include "tensor/cpu/cache.h"

#include <unistd.h>

namespace pixelgrad::cpu {

int64_t second_cache_bytes() {
  static const int64_t bytes = [] {
    int64_t found = 0;
#ifdef _SC_LEVEL2_CACHE_SIZE
    found = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    return found > 0 ? found : int64_t{512} << 10;
  }();
  return bytes;
}

}  // namespace pixelgrad::cpu
