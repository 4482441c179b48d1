"""A language model of letters, and the filters between its scores and a draw, one row at a time.

`simsoftmax.language` builds the tables. The contexts of a model are nodes of a tree. Its root is the empty context, and
a child knows one letter more of the past. A node's children stand one after the other in the order of that letter, and
so do the letters that were seen to follow it.
"""

import math

__all__ = ["narrow_row", "next_letters"]


def next_letters(text, begin, end, before, children, followers, letters, counts, discounts, rows):
    """Write the distribution of the letter that comes after the first i letters of a text, for i from begin to end - 1.

    Interpolated Kneser-Ney smoothing with three discounts an order (S. F. Chen and J. Goodman, "An empirical study of
    smoothing techniques for language modeling", Computer Speech and Language 13 (1999), section 3). From the empty
    context to the longest that is known,

        p(w | h) = (c(h w) - D(c)) / c(h) + gamma(h) p(w | h'),    gamma(h) = sum over w of D(c(h w)) / c(h),

    where h' is h without its oldest letter, and p is uniform where there is no letter left to drop.

    Parameters
    ----------
    text : uint8 array
        Letters by number; the first ``end - 1`` are read.
    begin, end : int
    before : uint8 array, shape (C,)
        The oldest letter of each context.
    children, followers : int32 arrays, shape (C + 1,)
        Where the children of each context begin, and what follows it; they end where the next ones begin.
    letters : uint8 array, shape (F,)
    counts : int32 array, shape (F,)
        What follows the contexts, and how often.
    discounts : float64 array, shape (3 * order,)
        D(1), D(2) and D(3 and more) for contexts of 0, 1, ... letters.
    rows : float64 array, shape ((end - begin) * K,)
        Receives probabilities, row by row.
    """
    levels = rows.size // (end - begin)
    for i in range(begin, end):
        row = (i - begin) * levels
        for k in range(levels):
            rows[row + k] = 1.0 / levels
        node = 0
        depth = 0
        while node >= 0:
            total = 0.0
            left = 0.0
            for f in range(followers[node], followers[node + 1]):
                total += counts[f]
                left += discounts[3 * depth + min(counts[f], 3) - 1]
            for k in range(levels):
                rows[row + k] *= left / total
            for f in range(followers[node], followers[node + 1]):
                rows[row + letters[f]] += (counts[f] - discounts[3 * depth + min(counts[f], 3) - 1]) / total
            known = -1
            if depth < i:
                wanted = text[i - 1 - depth]
                low = children[node]
                high = children[node + 1]
                while low < high:
                    middle = (low + high) // 2
                    if before[middle] < wanted:
                        low = middle + 1
                    else:
                        high = middle
                if low < children[node + 1] and before[low] == wanted:
                    known = low
            node = known
            depth += 1


def _exponent(gap, temperature):
    """Return gap / T, and its limits where T is 0 or infinity."""
    return gap if gap == 0.0 or gap == -math.inf else gap / temperature


def narrow_row(logits, temperature, top_k, top_p, min_p, last, order, probabilities):
    """Write the distribution that is drawn from after top-k, top-p and min-p; return how many levels they leave.

    What `simsoftmax.sampling.Pipeline.of` does to one row, whose filters keep ties.

    Parameters
    ----------
    logits : float64 array, shape (K,)
        Scores, finite or -inf, at least one finite.
    temperature : float
        T >= 0; 0 and infinity are the exact limits.
    top_k : int
        At least 1; K or more leaves all.
    top_p : float
        Above 0; 1 leaves all.
    min_p : float
        From 0, which leaves all, to 1.
    last : int
        0 where the filters see softmax(z / T), 1 where they see softmax(z) and the temperature comes after them.
    order : int64 array, shape (K,)
        Receives the levels from the highest score down, equal ones by their number.
    probabilities : float64 array, shape (K,)
        Receives the result.
    """
    levels = logits.size
    for i in range(levels):
        order[i] = i
    stride = levels
    while stride > 1:  # sort in place (Shell 1959)
        stride = max(1, stride * 4 // 9)
        for i in range(stride, levels):
            level = order[i]
            j = i
            while j >= stride and (
                logits[order[j - stride]] < logits[level]
                or (logits[order[j - stride]] == logits[level] and order[j - stride] > level)
            ):
                order[j] = order[j - stride]
                j -= stride
            order[j] = level
    top = logits[order[0]]
    seen = 1.0 if last else temperature  # the temperature that the filters see
    left = 0
    while left < levels and logits[order[left]] > -math.inf:
        left += 1
    if seen == 0.0:
        left = _with_ties(logits, order, 1, left)
    if top_k < left:
        left = _with_ties(logits, order, top_k, left)
    if top_p < 1.0:
        total = 0.0
        for i in range(left):
            total += math.exp(_exponent(logits[order[i]] - top, seen))
        needed = 0
        mass = 0.0
        while needed < left and mass < top_p * total:
            mass += math.exp(_exponent(logits[order[needed]] - top, seen))
            needed += 1
        left = _with_ties(logits, order, needed, left)
    if min_p > 0.0:
        likely = 0
        while likely < left and _exponent(logits[order[likely]] - top, seen) >= math.log(min_p):
            likely += 1
        left = likely
    total = 0.0
    for i in range(levels):
        level = order[i]
        probabilities[level] = math.exp(_exponent(logits[level] - top, temperature)) if i < left else 0.0
        total += probabilities[level]
    for i in range(levels):
        probabilities[i] /= total
    return left


def _with_ties(logits, order, count, left):
    """Return the number of the first ``count`` levels and those as high as the last of them."""
    while count < left and logits[order[count]] == logits[order[count - 1]]:
        count += 1
    return count
