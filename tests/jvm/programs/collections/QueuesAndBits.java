import java.util.*;
import java.util.stream.*;

public class QueuesAndBits {
    static class Recent<K, V> extends LinkedHashMap<K, V> {
        private final int limit;
        Recent(int limit) { super(16, 0.75f, true); this.limit = limit; }
        @Override protected boolean removeEldestEntry(Map.Entry<K, V> eldest) { return size() > limit; }
    }
    record Task(int priority, String name) {}

    public static void main(String[] args) {
        PriorityQueue<Task> tasks = new PriorityQueue<>(Comparator.comparingInt(Task::priority).reversed().thenComparing(Task::name));
        String[] names = {"wash", "cook", "read", "nap", "run"};
        for (int i = 0; i < names.length; i++) tasks.offer(new Task(i * 7 % 3, names[i]));
        System.out.println(tasks.peek() + " " + tasks.size() + " " + tasks.contains(new Task(0, "wash")) + " " + tasks.remove(new Task(1, "nap")));
        while (!tasks.isEmpty()) System.out.print(tasks.poll().name() + " ");
        System.out.println(tasks.poll());
        PriorityQueue<Integer> heap = new PriorityQueue<>(List.of(5, 3, 8, 1, 9, 2));
        System.out.println(heap + " " + heap.stream().sorted().toList());
        Recent<String, Integer> cache = new Recent<>(3);
        for (String s : "a b c a d a e".split(" ")) { cache.merge(s, 1, Integer::sum); }
        cache.get("d"); cache.getOrDefault("a", 0); cache.putIfAbsent("z", 26);
        System.out.println(cache + " " + cache.keySet() + " " + cache.containsKey("e"));
        BitSet bits = new BitSet();
        bits.set(1, 10); bits.clear(5); bits.flip(3, 7); bits.set(100);
        System.out.println(bits + " " + bits.cardinality() + " " + bits.nextClearBit(1) + " " + bits.previousSetBit(99) + " " + bits.length() + " " + Arrays.toString(bits.toLongArray()));
        BitSet odd = IntStream.iterate(1, i -> i + 2).limit(10).collect(BitSet::new, BitSet::set, BitSet::or);
        odd.and(bits); System.out.println(odd + " " + odd.intersects(bits) + " " + odd.hashCode());
        List<Integer> list = IntStream.range(0, 12).boxed().collect(Collectors.toCollection(ArrayList::new));
        for (Iterator<Integer> it = list.iterator(); it.hasNext(); ) if (it.next() % 3 == 0) it.remove();
        ListIterator<Integer> li = list.listIterator(list.size());
        while (li.hasPrevious()) { int v = li.previous(); if (v == 5) { li.set(50); li.add(55); li.previous(); } }
        System.out.println(list + " " + list.indexOf(55));
        try {
            for (Integer v : list) if (v == 4) list.remove(v);
        } catch (ConcurrentModificationException e) {
            System.out.println("modified " + list.size());
        }
        list.removeIf(v -> v > 40);
        list.replaceAll(v -> v * v);
        list.remove(0);
        list.remove(Integer.valueOf(49));
        System.out.println(list);
        try {
            List.of(1).iterator().remove();
        } catch (UnsupportedOperationException e) {
            System.out.println("unmodifiable");
        }
        Deque<Integer> deque = new ArrayDeque<>();
        for (int i = 0; i < 6; i++) { if (i % 2 == 0) deque.push(i); else deque.offerLast(i); }
        System.out.println(deque + " " + deque.pollLast() + " " + deque.pop() + " " + deque.peekFirst() + " " + deque.descendingIterator().next());
        TreeMap<Integer, String> tree = new TreeMap<>(Map.of(10, "ten", 20, "twenty", 30, "thirty", 40, "forty"));
        System.out.println(tree.floorKey(25) + " " + tree.ceilingEntry(25) + " " + tree.headMap(20, true) + " " + tree.descendingMap() + " " + tree.pollFirstEntry() + " " + tree.lastEntry().getValue() + " " + tree.subMap(15, 35).firstKey() + " " + tree.higherKey(40));
        tree.tailMap(30).clear(); System.out.println(tree);
        List<String> words = new LinkedList<>(List.of("x", "y", "z"));
        Collections.rotate(words, 1);
        Collections.swap(words, 0, 2);
        System.out.println(words + " " + Collections.frequency(words, "y") + " " + Collections.max(words) + " " + Collections.nCopies(3, "k") + Collections.unmodifiableList(words).subList(1, 3));
        Collections.shuffle(words, new Random(7));
        System.out.println(words + " " + new Random(42).nextInt(1000) + " " + new Random(42).nextGaussian() + " " + new Random(1).ints(3, 0, 50).boxed().toList());
        Integer[] boxed = {3, 1, 2};
        Arrays.sort(boxed, Collections.reverseOrder());
        System.out.println(Arrays.toString(boxed) + Arrays.binarySearch(new int[] {1, 4, 9}, 5) + Arrays.equals(new int[] {1}, new int[] {1}) + Arrays.compare(new int[] {1, 2}, new int[] {1, 3}) + Arrays.deepToString(new int[2][2]) + Arrays.asList(1, 2).getClass().getSimpleName());
        int[] filled = new int[5];
        Arrays.fill(filled, 1, 3, 7);
        Arrays.setAll(filled, i -> filled[i] + i);
        System.out.println(Arrays.toString(Arrays.copyOfRange(filled, 2, 7)) + Arrays.stream(filled).max().getAsInt() + Arrays.mismatch(filled, new int[] {0, 8, 0}));
        Integer[] none = new Integer[2];
        System.out.println(Arrays.toString(none));
    }
}
